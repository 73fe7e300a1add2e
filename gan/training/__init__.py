"""Training: the state, the adversarial round, the loop that drives it, and whole populations."""

from gan.training.estimate import check, require
from gan.training.game import Game, make_game
from gan.training.hosts import agreed, join
from gan.training.loop import CHUNK_SECONDS, Pause, advance
from gan.training.mesh import divide_cpu, whole
from gan.training.population import (
    Population,
    make_population,
    member,
    shape_of,
    stack,
)
from gan.training.state import Hyperparameters, State

__all__ = [
    "CHUNK_SECONDS",
    "Game",
    "Hyperparameters",
    "Pause",
    "Population",
    "State",
    "advance",
    "agreed",
    "check",
    "divide_cpu",
    "join",
    "make_game",
    "make_population",
    "member",
    "require",
    "shape_of",
    "stack",
    "whole",
]
