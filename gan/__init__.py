"""Generative adversarial networks in JAX, every critic measured against exact optimal transport.

The rooms below are imported on first use: `import gan` takes no time, and `gan.runner.train(...)`
imports what training needs.
"""

from gan.lazy import on_first_use

__getattr__ = on_first_use(__name__)
