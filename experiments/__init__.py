"""Commands: one module or package, one question. What they share is experiments.cli.

Train and judge: train, evaluate, sample, interpolate, sweep, seeds, certify, verify, wgan_gp.
Studies: architectures, article, games, primal_vs_dual.
Benchmarks: accounting, benchmark, growth, transport_benchmark, transport_peers, transport_warm,
w1_benchmark.
"""

import sys

from experiments import later, stopping

if sys.argv[:1] == ["-m"]:  # so while `python -m` looks for the module
    _name = sys.orig_argv[sys.orig_argv.index("-m") + 1]
    if _name.startswith("experiments.") and _name.count(".") == 1:
        stopping.at_once()
        later.postpone(_name)
