"""Measurements of speed and memory, and what they say about larger machines."""
