"""The parts of experiments.benchmark: what is timed, by whom, and how it is shown."""
