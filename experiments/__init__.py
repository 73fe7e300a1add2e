"""Commands: one module or package, one question. What they share is experiments.cli.

Train and judge: train, evaluate, referee, sample, export, interpolate, compare, sweep, seeds,
certify, verify, inception, conformance, wgan_gp.
Studies: architectures, article, choosing, critic_steps, games, power, primal_vs_dual.
Benchmarks: accounting, benchmark, compile, growth, transport_approximations, transport_benchmark,
transport_peers, transport_warm, w1_benchmark.
"""

import sys

from gan import signals

if sys.argv[:1] == ["-m"]:  # so while `python -m` looks for the module of a command
    signals.end_at_once()
