"""experiments.compile end to end: with a compiler put in its place, and with the real one."""

import json

import pytest

from gan import config, presets
from gan.compilers import page, planning, programs, summary, targets
from tests.conftest import ROOT
from tests.experiments.commands import call

NAMES = (
    "preset target devices fits bytes_per_device flops hbm_bytes collectives compile_seconds "
    "estimated_cycles roofline_seconds bound_by costliest"
).split()
FOUND = {
    "target": "v5e:4",
    "machine": "TPU v5e",
    "devices": 4,
    "examples": 1201,
    "examples_assumed": False,
    "memory_bytes": 16 * 10**9,
    "trace_seconds": 1.0,
    "fits": True,
    "bytes_per_device": 3 * 10**6,
    "memory": {"arguments": 10**6, "results": 0, "temporaries": 2 * 10**6, "code": 0},
    "compile_seconds": 61.5,
    "operations": 1234,
    "flops": 5e9,
    "products": {"f32": 5e9},
    "hbm_bytes": 8.19e6,
    "collectives": {"count": 3, "bytes": 10**6},
    "estimated_cycles": 150_000,
    "estimated_seconds": 1e-4,
    "roofline": {"products": 2.5e-5, "memory": 1e-5, "links": 0, "launches": 0},
    "roofline_seconds": 2.5e-5,
    "bound_by": "products",
    "costliest": [
        {"operation": "fusion f32[2]", "times": 5, "cycles": 900, "source": "gan/a<b>.py:7"}
    ],
}


def asked(tmp_path, *more, preset="digits", target="v5e:2x2"):
    flags = ["--preset", preset, "--target", target, "--output", tmp_path / "new" / "x.json"]
    return call("compile", *flags, *more)


def test_what_is_found_is_shown_and_kept(tmp_path, monkeypatch):
    given = []

    def compiled(*arguments):
        given.append(arguments)
        return FOUND

    monkeypatch.setattr(programs, "compiled", compiled)
    monkeypatch.setattr(targets, "require", lambda target: None)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.2")
    status, out, err = asked(tmp_path, "--batch_size", 128, "--split_state")
    assert (status, err) == (0, "")
    (chosen, target, limit, keep, *how), *_ = given
    assert chosen == config.replace(presets.get("digits"), {"batch_size": 128})
    assert (str(target), limit, keep, *how) == ("v5e:2x2", 1800, None, 0, True)
    kept = json.loads((tmp_path / "new" / "x.json").read_text())
    assert set(NAMES) <= kept.keys() and kept["changes"] == {"batch_size": 128}
    assert (kept["preset"], kept["versions"]["libtpu"]) == ("digits", "1.2")
    for text in ("digits, batch_size 128 on 4 x TPU v5e", "61.5 s", "25 us", "25%", "900 cycles"):
        assert text in out
    assert len(out.splitlines()) <= 30
    shown = (tmp_path / "new" / "x.html").read_text()
    assert "gan/a&lt;b&gt;.py:7" in shown and "5 x fusion f32[2]" in shown


def test_a_program_that_does_not_fit_says_so():
    names = "target machine devices examples examples_assumed memory_bytes compile_seconds".split()
    found = {name: FOUND[name] for name in names} | {"fits": False, "bytes_per_device": 2e10}
    text = page.table(found | {"preset": "digits", "changes": {}})
    assert "NO" in text and "20 GB on each device, which has 16 GB" in text


def test_without_a_compiler_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(targets, "_found", lambda module: False)
    status, out, err = asked(tmp_path, preset="cifar10")
    assert (status, out) == (2, "") and "-m pip install '.[aot-tpu]'" in err
    assert len(err.splitlines()) == 1 and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--target", "v5e:3"], "v5e has no '3' devices"),
        (["--target", "tpu"], "unknown kind 'tpu'"),
        (["--members", "4", "--split_state"], "--split_state goes with a run alone"),
        (
            ["--batch_size", "8", "--accumulation", "4"],
            "batch_size 8 must be a multiple of the 4 devices times accumulation 4",
        ),
        (["--members", "6"], "members 6 must be a multiple of the 4 devices"),
        (["--batch_size", "6"], "batch_size 6 must be a multiple of the 4 devices"),
        (["--data.name", "cats_vs_dogs"], "set --data.image_size"),
        (["--data.name", "gaussians8", "--critic.name", "dcgan"], "use mlp"),
        (["--preset", "digit"], "did you mean 'digits'"),
    ],
)
def test_mistakes_end_before_anything_is_made(flags, reason, tmp_path, monkeypatch):
    monkeypatch.setattr(targets, "require", lambda target: None)
    status, out, err = asked(tmp_path, *flags)
    assert (status, out) == (2, "") and reason in err
    assert not list(tmp_path.iterdir())


def test_a_compiler_that_dies_is_an_error_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(targets, "require", lambda target: None)
    monkeypatch.setattr(targets, "environment", lambda target: {"PYTHONPATH": "/nonexistent"})
    monkeypatch.setattr(programs.sys, "executable", "/bin/false")
    status, out, err = asked(tmp_path)
    assert (status, out) == (1, "") and "the compiler ended with status 1" in err


NARROW = ("--generator.width", 16, "--critic.width", 16)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "changes", "target", "gflop", "megabytes", "cycles", "operations"),
    [
        ("digits", (), "v5e:1", 0.505, 8.1, 218_000, 461),
        ("fashion_mnist", NARROW, "v5e:1", 1.44, 0.102, 534_000, 490),
        ("digits", (), "h100:1", 0.505, 91.0, None, 188),
        ("fashion_mnist", NARROW, "h100:1", 1.44, 147, None, 196),
    ],
)
def test_presets_are_compiled_for_accelerators(
    preset, changes, target, gflop, megabytes, cycles, operations, tmp_path
):
    """Within a tenth of what libtpu 0.0.42.1 and the plugin 0.10.2 for CUDA make."""
    module = "libtpu" if target.startswith("v5e") else "jax_plugins.xla_cuda12"
    pytest.importorskip(module, reason=f"{module} is not installed")
    status, out, err = asked(tmp_path, *changes, preset=preset, target=target)
    assert (status, err) == (0, ""), err
    found = json.loads((tmp_path / "new" / "x.json").read_text())
    assert set(NAMES) <= found.keys()
    assert found["fits"] and found["devices"] == 1 and found["collectives"]["count"] == 0
    assert found["flops"] / 1e9 == pytest.approx(gflop, rel=0.1)
    assert found["hbm_bytes"] / 1e6 == pytest.approx(megabytes, rel=0.1)
    assert found["operations"] == pytest.approx(operations, rel=0.1)
    assert found["estimated_cycles"] == (cycles and pytest.approx(cycles, rel=0.1))
    assert len(found["costliest"]) == 10
    by = "cycles" if cycles else "bytes"
    for each in found["costliest"]:
        path, _, line = each["source"].partition(":")
        assert each[by] > 0 and (not path or (ROOT / path).exists() and int(line) > 0)


def test_programs_are_summed_up_in_one_table(tmp_path):
    notes = {"preset": "digits", "changes": {"batch_size": 128}, "date": "2026-01-02"}
    found = FOUND | notes | {"versions": {"jax": "1.2"}}
    too_large = {k: v for k, v in found.items() if k not in ("flops", "memory", "operations")}
    for name, each in (("a", found), ("b", too_large | {"fits": False, "bytes_per_device": 2e10})):
        (tmp_path / f"{name}.json").write_text(json.dumps(each))
    summary.main(tmp_path)
    text = (tmp_path / "table.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line[:2] == "| "]
    assert len(rows) == 3 and len(rows[0]) == len(rows[1])
    cells = dict(zip(rows[0], rows[1], strict=True))
    assert cells["preset"] == "digits, batch_size 128" and cells["exchanged, MB"] == "1"
    assert (cells["estimate, ms"], cells["roofline, ms"], cells["share"]) == ("0.1", "0.025", "25%")
    assert (
        (tmp_path / "planning.md").exists()
        and rows[2][2:4] == ["no", "20"]
        and "2026-01-02; jax 1.2." in text
    )


def test_a_plan_multiplies_what_compiled_programs_take():
    """digits has 4,500 steps of 64 examples: 0.1 ms a round by estimate, 0.025 ms at least."""
    one = FOUND | {"preset": "digits", "changes": {}, "members": 0, "target": "v5e:1", "devices": 1}
    wide = one | {"target": "v5e:4", "devices": 4, "changes": {"batch_size": 256}}
    crowd = one | {"members": 500, "estimated_seconds": 1e-2}
    refused = {k: v for k, v in one.items() if k != "flops"} | {"fits": False}
    unclocked = one | {"target": "h100:1", "estimated_seconds": None, "preset": "cifar10"}
    text = planning.write([one, wide | {"estimated_seconds": 1.25e-4}, crowd, refused, unclocked])
    for row in (
        "| digits | v5e:1 | 4,500 | 60 s | 0.11 s | 0.45 s | products |",
        "| cifar10 | h100:1 | 50,000 |  | 1.2 s |  | products |",
        "| digits | v5e:4 | 64 | 3 | 1 | 80% | estimate |",
        "| digits | v5e:1 | 500 | 90 s | 5.0 | 3 | estimate |",
    ):
        assert text.count(row) == 1, row
    assert text.count("| digits") == 3


def test_durations_have_two_digits():
    given = (0.25, 9.96, 61, 600, 9000, 86400 * 15)
    assert [*map(planning.duration, given)] == [
        "0.25 s",
        "10 s",
        "61 s",
        "10 min",
        "2.5 h",
        "15 days",
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "results" / "compile").glob("*.json")), ids=str)
def test_kept_programs_have_every_name(path):
    assert set(NAMES) <= json.loads(path.read_text()).keys()
