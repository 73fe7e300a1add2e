"""What a config chooses by name: one registry per kind, at hand without importing any entry."""

from gan.registry import Registry

METRICS = Registry("metric", "Metric", "gan.scores.metrics")
ARCHITECTURES = Registry("architecture", "Architecture", "gan.networks")
LOSSES = Registry("loss", "Loss", "gan.objectives.losses")
PENALTIES = Registry("penalty", "Penalty", "gan.objectives.penalties")
OPTIMIZERS = Registry("optimizer", "Optimizer", "gan.training.optimizers")
PRESETS = Registry("preset", "Preset", "gan.presets")
SOURCES = Registry("data set", "Source", "gan.data", "gan.data.stock:tensorflow_datasets")
SPACES = Registry("space", "NamedSpace", "gan.sweeps.named")
