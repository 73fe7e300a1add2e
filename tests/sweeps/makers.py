"""What several tests of sweeps start from."""

import csv

EXAMPLE = {"penalty_weight": {"log": [0.1, 100]}, "n_critic": [1, 5], "seed": [0, 1, 2]}


def table(folder):
    """The lines of a sweep's results.csv."""
    return list(csv.DictReader((folder / "results.csv").open()))
