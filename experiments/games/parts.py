"""The parts of the page on games, in the order in which they are told."""

from experiments.games import dirac_gan, gap, matrices

PARTS = {1: dirac_gan.PART, 2: matrices.PART, 3: gap.PART}
