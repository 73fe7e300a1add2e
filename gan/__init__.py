"""Generative adversarial networks in JAX, every critic measured against exact optimal transport.

    >>> import gan, tempfile
    >>> small = {"steps": 4, "batch_size": 8, "evaluation_size": 16, "evaluation_repeats": 2}
    >>> config = gan.config.replace(gan.presets.get("digits"), small)
    >>> with tempfile.TemporaryDirectory() as workdir:
    ...     scores = gan.train(config, workdir)
    ...     scores = gan.evaluate(workdir, step="best")
    ...     images = gan.load(workdir).sample(64, seed=0)
    >>> images.shape
    (64, 8, 8, 1)

    >>> import numpy as np
    >>> draw = np.random.default_rng(0)
    >>> fake, real = draw.normal(size=(60, 2)) + 2, draw.normal(size=(60, 2))
    >>> report = gan.referee.judge(fake, real, scores=("kernel_distance", "recall"))
    >>> report.distance.debiased > 1, report.scores["recall"].value < report.scores["recall"].real
    (True, True)
    >>> proof = gan.referee.certify_critic(real, fake, -real[:, 0], -fake[:, 0])
    >>> round(proof.lipschitz, 2), 0 < proof.share < 1
    (1.0, True)

    >>> result = gan.transport.assignment([[0.0], [1.0]], [[1.5], [0.25]])
    >>> result.permutation.tolist(), result.value
    ([1, 0], 0.375)

`Config`, `config` and `presets` say what a run is; `train`, `evaluate` and `load` are what the
commands do; `referee` and `transport` judge. Everything is imported on first use, the other
packages (`gan.data`, `gan.networks`, ...) likewise, so that `import gan` takes no time.
"""

from typing import TYPE_CHECKING

from gan.lazy import on_first_use

if TYPE_CHECKING:
    from gan import config, presets, referee, transport
    from gan.config import Config
    from gan.runner import evaluate, load, train

__version__ = "0.1.0"

__all__ = [
    "Config",
    "__version__",
    "config",
    "evaluate",
    "load",
    "presets",
    "referee",
    "train",
    "transport",
]

_DEFINED = {
    "Config": "gan.config",
    "train": "gan.runner",
    "evaluate": "gan.runner",
    "load": "gan.runner",
}

__getattr__ = on_first_use(__name__, _DEFINED)


def __dir__() -> list[str]:
    return sorted(__all__)
