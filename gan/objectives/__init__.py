"""What the players minimise: functions of scores (losses) and of critics (penalties)."""
