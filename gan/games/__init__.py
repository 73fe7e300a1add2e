"""Games small enough to be solved: one parameter a player, or one matrix.

Here theory says what every method of play should do, so losses, penalties and update rules can be
held against it to the last digit. Players are numbers and vectors, not networks.
"""
