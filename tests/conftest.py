"""A strict session: two fake CPU devices, no silent rank promotion.

Programs of this process are compiled without most optimisations, by XLA's older emitter of fused
loops, in one piece: most run once, and most of their time is the compiler's. Those of the processes
that tests start are optimised: the flags are out of the environment once XLA has read them.
"""

import gc
import os
import pathlib
import re
import signal

ROOT = pathlib.Path(__file__).parent.parent
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".cache" / "xla"))
os.environ["XDG_CACHE_HOME"] = str(ROOT / ".cache")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
FLAGS = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
QUICK = " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
os.environ["XLA_FLAGS"] = FLAGS + QUICK

import jax  # noqa: E402  (the flags above must be set first)
import pytest  # noqa: E402

jax.devices()  # reads the flags
os.environ["XLA_FLAGS"] = FLAGS

from gan import config, data, presets  # noqa: E402
from tests import entries  # noqa: E402

for number, usual in (
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGTERM, signal.SIG_DFL),
):
    if signal.getsignal(number) == signal.SIG_IGN:  # as without a terminal, or in the background
        signal.signal(number, usual)

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)


def pytest_addoption(parser):
    parser.addoption(
        "--may-skip",
        metavar="REGEX",
        help="fail every skipped test whose reason this regular expression is not found in",
    )
    parser.addoption(
        "--entries",
        metavar="PACKAGE.MODULE:NAME",
        action="append",
        default=[],
        help="also run what holds for every entry of its kind over this one",
    )


def pytest_configure(config):
    entries.GIVEN[:] = config.getoption("--entries")


def pytest_collection_modifyitems(config):
    left = set(entries.GIVEN) - entries.RUN
    if left and not hasattr(config, "workerinput"):
        raise pytest.UsageError(f"no test that was chosen runs over {', '.join(sorted(left))}")


def pytest_collection_finish():
    """What is loaded by now stays, so that no garbage collection has to go through it."""
    gc.collect()
    gc.freeze()


def _judged(report, allowed: str | None):
    """The report; a failure if it is of a skip that is not allowed."""
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and allowed is not None:
        path, line, reason = report.longrepr
        if not re.search(allowed, reason):
            report.outcome = "failed"
            report.longrepr = f"{path}:{line}: must not be skipped here: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    return _judged((yield), item.config.getoption("--may-skip"))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _judged((yield), collector.config.getoption("--may-skip"))


@pytest.fixture(scope="session")
def digits():
    """The real digits."""
    return data.load(config.Data(name="digits"))


@pytest.fixture(scope="session")
def tiny():
    """A config of the digits preset, small enough to train in a second."""
    return config.replace(
        presets.get("digits"),
        {
            "steps": 12,
            "batch_size": 8,
            "n_critic": 2,
            "latent_dim": 4,
            "log_every": 4,
            "evaluate_every": 6,
            "sample_every": 6,
            "checkpoint_every": 6,
            "evaluation_size": 20,
            "evaluation_repeats": 2,
            "generator.width": 16,
            "generator.depth": 1,
            "critic.width": 16,
            "critic.depth": 1,
        },
    )
