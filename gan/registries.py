"""What a config chooses by name: one registry per kind, at hand without importing any entry."""

from gan.registry import Registry

METRICS = Registry("metric", "Metric", "gan.scores.metrics")
