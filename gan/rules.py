"""What the entries that a config names ask of the rest of it.

Names and rules are checked here and not when a config is made, since that imports the entries.
"""

from gan import inputs
from gan.config import Config, flatten
from gan.errors import UserError


def check(config: Config) -> None:
    """Refuses a config that names what does not exist, or breaks a rule of what it names.

    Raises:
        UserError: as `Registry.get`, or with the reason of the first broken rule.
    """
    values = flatten(config)
    for path, registry in inputs.registries(config).items():
        part, value = path.rpartition(".")[0], values[path]
        for name in (value,) if isinstance(value, str) else value:
            try:
                entry = registry.get(name)
            except UserError as error:
                raise UserError(f"{path}: {error}") from error
            entry.check(config, getattr(config, part) if part else config)
