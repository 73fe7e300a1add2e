"""The study of power in miniature: gross faults are noticed, nothing is drawn twice."""

import json

from tests.experiments.commands import call

SMALL = "--sizes 60 --draws 2 --usual 19".split()


def test_draws_are_kept_and_tabulated(tmp_path):
    status, out, err = call("power", "--workdir", tmp_path, *SMALL)
    assert status == 0, err
    assert (tmp_path / "power.md").read_text() in out + "\n"
    assert (tmp_path / "power.png").stat().st_size > 10_000
    found = json.loads((tmp_path / "power.json").read_text())["60"]
    assert found["w1"]["shift"]["count"] == found["kernel_distance"]["shift"]["count"] == 2
    assert found["recall"]["blur"]["count"] == 2
    assert all(row["nothing"]["trials"] == 2 for row in found.values())

    kept = {path.name: path.read_bytes() for path in (tmp_path / "draws").iterdir()}
    status, again, err = call("power", "--workdir", tmp_path, "--draws", 1, *SMALL[:2], *SMALL[4:])
    assert status == 0, err
    assert {path.name: path.read_bytes() for path in (tmp_path / "draws").iterdir()} == kept
    assert "| 1.00 |" in again

    status, _, err = call("power", "--workdir", tmp_path, "--seed", 1, *SMALL)
    assert status == 2 and "holds results of other settings" in err


def test_mistakes_end_before_any_draw(tmp_path):
    for flags, text in [
        (["--data", "gaussians25"], "labelled images"),
        (["--sizes", "300"], "held-out examples"),
        (["--sizes", "60", "300"], "held-out examples"),
        (["--usual", "18"], "--usual"),
    ]:
        status, _, err = call("power", "--workdir", tmp_path / "none", *flags)
        assert status == 2 and text in err, err
    assert not (tmp_path / "none").exists()
