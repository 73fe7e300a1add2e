"""What a config chooses by name: one registry per kind, at hand without importing any entry."""

from gan.registry import Registry

LOSSES = Registry("loss", "Loss", "gan.objectives.losses")
PENALTIES = Registry("penalty", "Penalty", "gan.objectives.penalties")
OPTIMIZERS = Registry("optimizer", "Optimizer", "gan.training.optimizers")
SPACES = Registry("space", "NamedSpace", "gan.sweeps.named")
