"""The host side of training, as functions: train, resume, evaluate, sample."""

from gan.lazy import on_first_use
from gan.runner.evaluation import evaluate
from gan.runner.population import train_together
from gan.runner.sampler import Sampler
from gan.runner.sampling import sample, write_examples
from gan.runner.single import train

__getattr__ = on_first_use(__name__)

__all__ = ["Sampler", "evaluate", "sample", "train", "train_together", "write_examples"]
