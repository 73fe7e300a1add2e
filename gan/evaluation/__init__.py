"""Measurements of generators and critics against held-out data and exact transport."""

from gan.evaluation import needs
from gan.evaluation.evaluator import MEANINGS, Evaluator

__all__ = ["MEANINGS", "Evaluator", "needs"]
