"""Mistakes of a caller end in one line that names the argument, the value and what is allowed."""

import subprocess
import sys

import numpy as np
import pytest

from gan import transport
from gan.errors import UserError
from gan.transport import columns, costs, memory, solve
from tests.conftest import ROOT

X = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    "x, y, cost, message",
    [
        (X, X[:5], "euclidean", "got 6 and 5; use plan"),
        (X, X[:, :1], "euclidean", r"same shape, got \(2,\) and \(1,\)"),
        (X, X * np.nan, "euclidean", "y must be finite, got NaN or infinity in row 0"),
        (np.where(X == 5, np.inf, X), X, "euclidean", "x must be finite, got .* in row 2"),
        (X[:0], X, "euclidean", "x must hold at least one point"),
        (X[0, 0], X, "euclidean", "x must hold at least one point"),
        (np.array(["a"]), X, "euclidean", "x must be numeric"),
        (X * 1j, X, "euclidean", "x must be real"),
        (X, X, "euclidian", "did you mean 'euclidean'"),
        (X, X, 7, "cost must be one of"),
        (X * 1e200, X * 0, "sqeuclidean", "leaves the range of float64: rescale"),
        (X, X, lambda s, t: np.zeros((1, 1)), r"must return shape \(6, 6\)"),
        (X, X, lambda s, t: np.full((6, 6), np.nan), "must return finite"),
    ],
)
def test_bad_sets_and_costs(x, y, cost, message):
    with pytest.raises(UserError, match=message):
        transport.assignment(x, y, cost)


W = np.full(6, 1 / 6)


@pytest.mark.parametrize(
    "a, b, message",
    [
        (W[:5], W, r"a must have shape \(6,\), got \(5,\)"),
        (W, -W, "b must be finite and not negative, got -0.16"),
        (W * np.nan, W, "a must be finite"),
        (W, 2 * W, "equal positive sums"),
        (0 * W, 0 * W, "equal positive sums"),
    ],
)
def test_bad_weights(a, b, message):
    with pytest.raises(UserError, match=message):
        transport.plan(X, X, a, b, cost="euclidean")


@pytest.mark.parametrize("p", [0.5, 0, -1, np.inf, np.nan, "2"])
def test_bad_orders(p):
    with pytest.raises(UserError, match="p must be a finite number of at least 1"):
        transport.wasserstein(X, X, p)


def test_what_does_not_fit_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 100)
    with pytest.raises(UserError, match="dense problem of 6 by 6 points needs about .* GiB"):
        solve.plan(X, X, cost="euclidean")
    many = np.random.default_rng(0).normal(size=(3000, 2))
    monkeypatch.setattr(columns, "plan", lambda *_, **__: pytest.fail("solved"))
    monkeypatch.setattr(memory, "available", lambda: 3 * 8 * 3000**2 // 20)  # a share of the matrix
    with pytest.raises(UserError, match="of 3000 by 3000 points needs about .* are available"):
        transport.assignment(many, many + 1)


@pytest.mark.parametrize("call", [transport.assignment, transport.plan, transport.wasserstein])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_ten_million_points_are_refused_before_anything_is_converted(call, dtype, monkeypatch):
    """Views of one vector, which share its memory."""
    monkeypatch.setattr(memory, "available", lambda: 32 << 30)
    monkeypatch.setattr(costs, "geometry", lambda *_: pytest.fail("converted"))
    line = np.random.default_rng(0).integers(256, size=10_000_002).astype(dtype)
    x = np.lib.stride_tricks.sliding_window_view(line, 3)
    options = {} if call is transport.wasserstein else {"cost": "euclidean"}
    with pytest.raises(
        UserError, match="of 10000000 by 10000000 points needs about 11[0-9.]+ GiB, 32"
    ):
        call(x, x, **options)


def test_sets_that_repeat_themselves_are_not_refused(monkeypatch):
    """Equal points are merged, and only then does a pool need memory."""
    x = np.broadcast_to(np.ones(3), (20_000, 3))
    monkeypatch.setattr(memory, "available", lambda: 8 << 20)
    assert transport.assignment(x, x).gap == 0


MEASURE = """
import sys
import numpy as np
import ot.lp.emd_wrap
from gan import transport
from gan.transport import memory
n, m, d = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
transport.assignment(*rng.normal(size=(2, 1030, 4)))  # compiles and imports
x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
before = memory._kilobytes("/proc/self/status", "VmRSS:") * 1024
transport.plan(x, y, cost="euclidean")
print(memory.peak() - before, memory.transport(n, m, d, 1 << 20))
"""


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(5000, 5000, 16), (12000, 12000, 64), (20, 100_000, 8)])
def test_the_estimate_of_memory_is_right_within_a_factor_of_two(sizes):
    start = [sys.executable, "-c", MEASURE, *map(str, sizes)]
    done = subprocess.run(start, cwd=ROOT, capture_output=True, text=True, check=True)
    used, estimated = map(int, done.stdout.split())
    assert 0.5 * used < estimated < 2 * used


def test_a_callers_mistakes_are_value_errors():
    with pytest.raises(ValueError, match="x must hold at least one point"):
        transport.assignment(X[:0], X)
    with pytest.raises(ValueError, match="as many points in x as in y, got 6 and 4"):
        transport.assignment(X, X[:4])
    with pytest.raises(ValueError, match=r"a must be finite and not negative, got -1 at 2"):
        transport.plan(X, X, [1, 1, -1, 1, 1, 1], None, cost="euclidean")
    with pytest.raises(ValueError, match="equal positive sums, got 1.0 and 2.0"):
        transport.plan(X, X, W, 2 * W, cost="euclidean")


def test_the_peak_of_a_process_is_its_own():
    """Not that of the larger process which started it."""
    code = "from gan.transport import memory; print(memory.peak())"
    start = "import subprocess, sys; held = b'x' * (1 << 30); "
    start += f"print(subprocess.check_output([sys.executable, '-c', {code!r}], text=True))"
    done = subprocess.run([sys.executable, "-c", start], cwd=ROOT, capture_output=True, text=True)
    assert 0 < int(done.stdout) < 1 << 30, done.stderr
