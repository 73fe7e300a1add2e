"""The Python of README and guides runs as it stands."""

import pytest

from gan import config, presets, registries, rules
from tests.conftest import ROOT
from tests.docs import pages
from tests.experiments.commands import TINY, call

PAGES = [page for page in pages.WRITTEN if pages.blocks(page, "python")]
PAGES = [page for page in PAGES if page.parent.name != "tutorials"]  # see test_tutorials.py
ELSEWHERE = {
    "docs/guides/extend.md": "test_the_package_of_the_guide",
    "docs/guides/judge_your_gan.md": "test_judge_guide.py",
}
"""Pages whose blocks need more than an empty folder."""

ENTRIES = {
    "penalties:small_scores": registries.PENALTIES,
    "steep:cubed": registries.PENALTIES,
    "losses:squares": registries.LOSSES,
    "scores:mean_gap": registries.METRICS,
    "networks:shallow": registries.ARCHITECTURES,
    "data:ring": registries.SOURCES,
}


def run(page, tmp_path, monkeypatch, trains: bool) -> int:
    """Execute the blocks of a page that train, or those that do not; how many."""
    monkeypatch.chdir(tmp_path)
    chosen = [block for block in pages.blocks(page, "python") if ("gan.train" in block) == trains]
    names: dict = {}
    for block in chosen:
        exec(compile(block, pages.name(page), "exec"), names)
    return len(chosen)


def alone(page) -> list[str]:
    """The blocks of a page that need no training."""
    return [block for block in pages.blocks(page, "python") if "gan.train" not in block]


@pytest.mark.parametrize(
    "page", [p for p in PAGES if pages.name(p) not in ELSEWHERE and alone(p)], ids=pages.name
)
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    assert run(page, tmp_path, monkeypatch, trains=False) == len(alone(page)) > 0


@pytest.mark.slow
def test_the_training_of_a_page_runs(tmp_path, monkeypatch):
    """With small players; the README's lines are among those of the page."""
    full, small = presets.get, {key: presets.SMALL[key] for key in presets.SMALL if key != "steps"}
    monkeypatch.setattr(presets, "get", lambda name: config.replace(full(name), small))
    page = ROOT / "docs" / "get_started.md"
    assert run(page, tmp_path, monkeypatch, trains=True) == 1
    assert (tmp_path / "runs" / "short" / "report.html").exists()
    (block,) = [b for b in pages.blocks(ROOT / "README.md", "python") if "gan.train" in b]
    assert set(block.splitlines()) <= set("".join(pages.blocks(page, "python")).splitlines())


def test_the_package_of_the_guide_holds_entries_that_fit():
    for name, registry in ENTRIES.items():
        entry = registry.get(f"mypackage.{name}")
        assert entry.help and hasattr(entry, "cases" if registry is registries.METRICS else "case")
    changes = {"penalty": "small_scores", "loss": "squares", "generator.name": "shallow"}
    files = {"penalty": "penalties", "loss": "losses", "generator.name": "networks"}
    changes = {path: f"mypackage.{files[path]}:{name}" for path, name in changes.items()}
    rules.check(config.replace(presets.get("digits"), changes))


@pytest.mark.slow
def test_the_package_of_the_guide_trains(tmp_path):
    flags = [*TINY, "--steps", "2", "--workdir", tmp_path / "run"]
    for flag, name in (
        ("--penalty", "penalties:small_scores"),
        ("--loss", "losses:squares"),
        ("--generator.name", "networks:shallow"),
        ("--critic.name", "networks:shallow"),
        ("--metrics", "scores:mean_gap"),
    ):
        flags += [flag, f"mypackage.{name}"]
    status, out, err = call("train", "--preset", "digits", *flags)
    assert status == 0 and "mean_gap" in out, err
    status, _, err = call(
        "train", "--preset", "gaussians8", *TINY, "--steps", 2, "--workdir", tmp_path / "ring",
        "--data.name", "mypackage.data:ring",
    )  # fmt: skip
    assert status == 0, err
