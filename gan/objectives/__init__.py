"""What the players minimise: pure functions of critic outputs (losses) and of critics (penalties)."""
