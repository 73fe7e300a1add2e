"""States that devices keep in parts, in a run directory: nobody who reads it can tell."""

import signal

import jax
import pytest

from gan import config, runs
from gan.runner import train
from gan.signals import Interrupt
from gan.training import mesh


def test_a_run_in_parts_is_kept_continued_and_evaluated_as_any_other(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(mesh, "SPLIT", 64)
    whole = train(tiny, str(tmp_path / "whole"), devices=2)
    split = train(tiny, str(tmp_path / "split"), devices=2, split_state=True)
    assert split.keys() == whole.keys()
    for name in ("w1", "w1_debiased", "critic_share"):
        assert split[name] == pytest.approx(whole[name], rel=1e-2, abs=1e-3)
    train(config.replace(tiny, {"steps": 6}), str(tmp_path / "cut"), devices=2, split_state=True)
    stopped = Interrupt()
    stopped.signal = signal.SIGTERM
    assert train(tiny, str(tmp_path / "cut"), devices=2, interrupt=stopped) is None
    assert train(tiny, str(tmp_path / "cut"), devices=2, split_state=True) == split
    kept, other = (runs.read(tmp_path / name).read_step()[1] for name in ("split", "whole"))
    assert jax.tree.map(lambda leaf: leaf.shape, kept) == jax.tree.map(
        lambda leaf: leaf.shape, other
    )
