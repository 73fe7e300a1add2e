"""Training: the state, the adversarial round, and the loop that drives it."""

from gan.training.game import Game, make_game
from gan.training.hosts import agreed, join
from gan.training.interrupt import Interrupt, Interrupted
from gan.training.loop import CHUNK_SECONDS, Pause, advance
from gan.training.state import State

__all__ = [
    "CHUNK_SECONDS",
    "Game",
    "Interrupt",
    "Interrupted",
    "Pause",
    "State",
    "advance",
    "agreed",
    "join",
    "make_game",
]
