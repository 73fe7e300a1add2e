"""Constants of a module, read off its source without executing it.

So a help text names what a module offers without importing what the module needs.
"""

import ast
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


def literal(path: str) -> Any:
    """The value of the constant `package.module:NAME`; of a dictionary, its keys as a tuple.

    Raises:
        LookupError: if no assignment at the top level of the module has that name.
    """
    module, _, name = path.partition(":")
    file = ROOT.joinpath(*module.split("."))
    file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if [getattr(target, "id", "") for target in targets] == [name]:
            if isinstance(node.value, ast.Dict):
                return tuple(ast.literal_eval(key) for key in node.value.keys)
            return ast.literal_eval(node.value)
    raise LookupError(f"{module} has no constant {name}")
