"""The parts of `experiments.primal_vs_dual`: what is trained, how it is measured and shown."""
