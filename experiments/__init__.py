"""Experiment binaries: one module, one question, one command."""
