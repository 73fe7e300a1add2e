"""The accounting of time in miniature: its pieces, its pages, nothing measured twice."""

import dataclasses
import json

import pytest

from gan import presets
from gan.benchmarks import time_accounts
from tests.experiments.commands import call


def test_the_pieces_of_a_step_are_a_part_of_it(digits, tiny):
    found = time_accounts.step(tiny, digits, seconds=0.1)
    assert set(found) == {
        *("round", "batches", "random numbers", "Adam", "moving average", "networks"),
        "empty call",
    }
    parts = sum(found[k] for k in ("batches", "random numbers", "Adam", "moving average"))
    assert found["networks"] + parts == pytest.approx(found["round"])
    assert all(value > 0 for name, value in found.items() if name != "networks")


def test_pauses_are_counted_over_a_whole_run(digits, tiny):
    found = time_accounts.pauses(tiny, digits, repeats=1, rounds=2)
    times = {name: times for name, (_, times) in found.items()}
    assert times.pop(time_accounts.CERTIFICATE) == 2
    assert times == {"line of the log": 3, "evaluation": 2, "picture": 2, "checkpoint": 2}
    assert all(milliseconds > 0 for milliseconds, _ in found.values())


def test_what_was_measured_is_kept_and_both_pages_are_written(tmp_path, monkeypatch):
    one = {"round": 2.0, "batches": 0.5, "networks": 1.5, "empty call": 0.1}
    kept = {
        "start_up": {"help": [0.4], "cold": [[3, 8, 9]], "warm": [[2.0, 3.0, 4.25]]},
        "step of digits": one,
        "step of dcgan28": one,
        "pauses": {"checkpoint": [100.0, 9]},
        "compilation": {"4": [1.0, 2.0, 300], "20": [3.0, 5.0, 4000]},
        "when": {"date": "2026-01-01", "cores": 2, "machine": "M"},
    }
    (tmp_path / "accounting.json").write_text(json.dumps(kept))
    monkeypatch.setattr("jax.config.update", lambda *_: None)
    status, out, _ = call("accounting", "--workdir", tmp_path)
    assert status == 0 and json.loads((tmp_path / "accounting.json").read_text()) == kept
    pages = [(tmp_path / name).read_text() for name in ("start_up.md", "accounting.md")]
    assert all(page in out for page in pages)
    assert "| full cache | 2.00 (2.00 to 2.00) | 3.00 (3.00 to 3.00) | 4.25" in pages[0]
    assert "| batches | 0.5 (25.0 %) | 0.5 (25.0 %) |" in pages[1]
    assert "| checkpoint | 100 | 9 | 0.9 | 10.0 % |" in pages[1]
    assert "| 20 | 4,000 | 3.0 | 5.0 |" in pages[1]


def test_a_whole_run_of_a_preset_is_accounted_for(tmp_path, monkeypatch, tiny):
    small = dataclasses.replace(presets.digits, config=tiny)
    monkeypatch.setattr(presets, "digits", small)
    monkeypatch.setattr(time_accounts, "step", lambda *_, **__: {"round": 50.0})
    monkeypatch.setattr(
        time_accounts,
        "pauses",
        lambda *_: {"evaluation": [60.0, 2], time_accounts.CERTIFICATE: [9.0, 2]},
    )
    status, out, _ = call("accounting", "--workdir", tmp_path, "--preset", "digits")
    assert status == 0 and out == (tmp_path / "digits.md").read_text() + "\n"
    assert "| steps | 50 | 12 | 0.6 | |" in out
    assert f"| {time_accounts.CERTIFICATE} | 9 | 2 | 0.018 | 3.0 % |" in out
    status, _, err = call("accounting", "--workdir", tmp_path, "--preset", "digist")
    assert status == 2 and "did you mean 'digits'" in err


@pytest.mark.slow
def test_start_up_is_measured_on_the_command(tmp_path):
    found = time_accounts.start_up(cold=1, warm=1)
    ((cold, warm),) = zip(found["cold"], found["warm"], strict=True)
    assert len(cold) == len(warm) == 3 and cold == sorted(cold) and warm == sorted(warm)
    assert warm[1] < cold[1] and found["help"][0] < warm[0]
