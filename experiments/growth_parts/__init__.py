"""The parts of experiments.growth: what is measured, fits, the table and picture, the plan."""
