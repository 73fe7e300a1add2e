"""The run directory: lock, config, environment, metrics and checkpoints of one training run.

`open` is for the one process that trains, `read` for any number that look on.
"""

from gan import files
from gan.lazy import on_first_use
from gan.runs.directory import open, read
from gan.runs.trees import require_fit, tree_hash

__getattr__ = on_first_use(__name__)

__all__ = ["files", "open", "read", "require_fit", "tree_hash"]
