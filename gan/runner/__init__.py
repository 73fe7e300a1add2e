"""The host side of training, as functions: train, resume, evaluate, sample."""

from gan.lazy import on_first_use
from gan.runner.evaluation import evaluate
from gan.runner.sampling import Sampler, load, write_examples
from gan.runner.training import train, train_together

__getattr__ = on_first_use(__name__)

__all__ = ["Sampler", "evaluate", "load", "train", "train_together", "write_examples"]
