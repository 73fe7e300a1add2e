"""Generators trained by transport, beside those trained with a critic."""
