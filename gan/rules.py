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
        try:
            entry = registry.get(values[path])
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        part = path.rpartition(".")[0]
        entry.check(config, getattr(config, part) if part else config)
