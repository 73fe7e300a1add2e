"""What a config chooses by name: one registry per kind, at hand without importing any entry."""

from gan.registry import Registry

METRICS: Registry = Registry("metric", "Metric", "gan.scores.metrics")
ARCHITECTURES: Registry = Registry("architecture", "Architecture", "gan.networks")
LOSSES: Registry = Registry("loss", "Loss", "gan.objectives.losses")
PENALTIES: Registry = Registry("penalty", "Penalty", "gan.objectives.penalties")
AUGMENTATIONS: Registry = Registry("augmentation", "Augmentation", "gan.objectives.augmentations")
OPTIMIZERS: Registry = Registry("optimizer", "Optimizer", "gan.training.optimizers")
LOGGERS: Registry = Registry("logger", "Logger", "gan.runs.loggers")
PRESETS: Registry = Registry("preset", "Preset", "gan.presets")
SOURCES: Registry = Registry("data set", "Source", "gan.data", "gan.data.stock:tensorflow_datasets")
SPACES: Registry = Registry("space", "NamedSpace", "gan.sweeps.named")
