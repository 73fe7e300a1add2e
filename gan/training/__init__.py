"""Training: the state, the adversarial round, and the loop that drives it."""
