"""The parts of experiments.w1_benchmark: methods, protocols, training, tables and pictures."""
