"""The pictures of the concept pages: python -m docs.scripts.pictures

Each is computed with the library, from seeds that are fixed; half a minute on one core. Generated
examples are blue discs, real ones red squares, as in every figure of this project.
"""

from pathlib import Path

import jax
import numpy as np

from gan import referee, transport
from gan.games import dirac
from gan.referee import critics
from gan.reports import drawing
from gan.reports.drawing import ACCENT, FAINT, LINE, REMAINDER, SOURCE, TARGET

FOLDER = Path(__file__).parent.parent / "concepts" / "pictures"
SIZES = (25, 50, 100, 200, 400)
DIMENSIONS = {2: SOURCE, 16: ACCENT, 64: TARGET}
REPETITIONS = 10


def line_sets() -> tuple[np.ndarray, np.ndarray]:
    """Generated and real points on the line, [14, 1] each."""
    draw = np.random.default_rng(3)
    return draw.normal(-1.2, 0.6, (14, 1)), draw.normal(1.0, 0.8, (14, 1))


def on_line(axes, fake, real) -> None:
    """Both sets on the horizontal axis."""
    level = np.zeros(len(fake))
    drawing.scatter(axes, np.c_[fake[:, 0], level], np.c_[real[:, 0], level], 26)
    axes.set(xticks=[], yticks=[])
    axes.spines[["top", "right", "left"]].set_visible(False)


def game() -> None:
    """The best critic on the line; the Dirac-GAN without and with a penalty."""
    figure, (left, right) = drawing.panels(2, 2, 4.2, 3.0)
    fake, real = line_sets()
    t = np.linspace(-3, 3, 400)[:, None]
    best = critics.reference_critic(real, fake)(t)
    left.plot(t, best - best.mean(), color=ACCENT, linewidth=1.8)
    on_line(left, fake, real)
    left.set_title("the best critic of slope 1", fontsize=9)
    for name, method, colour in (
        ("no penalty", dirac.DiracMethod("non_saturating"), LINE),
        ("penalty r1", dirac.DiracMethod("non_saturating", "r1", 0.5), REMAINDER),
    ):
        with jax.enable_x64(True):
            path = dirac.measure(method, 0.2, (1.0, 1.0), 150).alternating_path
        right.plot(*path.T, color=colour, linewidth=1.2, label=name)
    right.plot(0, 0, "x", color=TARGET, markersize=8)
    right.set(xlabel="generator's parameter", ylabel="critic's parameter", aspect="equal")
    right.legend(fontsize="small", loc="center left")
    right.set_title("the Dirac-GAN", fontsize=9)
    drawing.save(figure, FOLDER / "game.png", 130)


def distance() -> None:
    """A matching in the plane, beside the lengths of random ones."""
    draw = np.random.default_rng(1)
    fake, real = draw.normal(size=(20, 2)), draw.normal(size=(20, 2)) * 0.9 + (1.6, 0.3)
    solved = transport.assignment(fake, real)
    figure, (left, right) = drawing.panels(2, 2, 4.2, 3.2)
    drawing.segments(left, fake, real[solved.permutation], color=FAINT)
    drawing.scatter(left, fake, real, 26)
    drawing.plane(left, f"the cheapest matching: {solved.value:.2f}", fake, real)
    costs = np.linalg.norm(fake[:, None] - real, axis=2)
    lengths = [costs[np.arange(20), draw.permutation(20)].mean() for _ in range(20_000)]
    right.hist(lengths, bins=60, color=FAINT)
    right.axvline(solved.value, color=SOURCE, linewidth=2)
    right.set(xlabel="mean length of a matching", yticks=[], xlim=(0, None))
    right.set_title("20,000 random matchings, and the cheapest", fontsize=9)
    right.spines[["top", "right", "left"]].set_visible(False)
    drawing.save(figure, FOLDER / "distance.png", 130)


def floor() -> None:
    """W1 between samples of one distribution, and its debiased value, against n."""
    figure, (left, right) = drawing.panels(2, 2, 4.2, 3.2)
    draw = np.random.default_rng(0)
    for d, colour in DIMENSIONS.items():
        raw, debiased = [], []
        for n in SIZES:
            sets = draw.normal(size=(REPETITIONS, 4, n, d)) / np.sqrt(d)
            values = np.array(
                [
                    [referee.w1(g, r), referee.w1(r, other), referee.w1(g, g2)]
                    for g, g2, r, other in sets
                ]
            )
            raw.append(values[:, 0])
            debiased.append(values @ [1, -0.5, -0.5])
        for axes, found in ((left, raw), (right, debiased)):
            spread = {"yerr": np.std(found, axis=1), "capsize": 2, "linewidth": 1.2}
            axes.errorbar(SIZES, np.mean(found, axis=1), color=colour, label=f"d = {d}", **spread)
    left.set_title("W1 of two samples of one distribution: the floor", fontsize=9)
    right.set_title("the same, debiased", fontsize=9)
    for axes in (left, right):
        axes.set(xscale="log", xlabel="n", ylim=(-0.3, 1.6), xticks=SIZES)
        axes.set_xticks(SIZES, SIZES)
        axes.minorticks_off()
        axes.axhline(0, color=LINE, linewidth=0.6)
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.legend(fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    drawing.save(figure, FOLDER / "floor.png", 130)


def certificate() -> None:
    """Costs with the optimal matching, and the costs less the potentials."""
    draw = np.random.default_rng(5)
    x, y = draw.normal(size=(12, 2)), draw.normal(size=(12, 2)) + 1
    solved = transport.assignment(x, y)
    u, v = solved.potentials
    costs = np.linalg.norm(x[:, None] - y, axis=2)
    figure, both = drawing.panels(2, 2, 4.0, 3.4)
    titles = ("costs", "costs less potentials")
    for axes, cells, title in zip(both, (costs, costs - u[:, None] - v), titles, strict=True):
        shown = axes.imshow(np.round(cells, 12), cmap="Blues", vmin=0, vmax=costs.max())
        axes.plot(solved.permutation, np.arange(12), "x", color=TARGET, markersize=6)
        axes.set(xlabel="real", ylabel="generated", xticks=[], yticks=[])
        axes.set_title(title, fontsize=9)
        figure.colorbar(shown, ax=axes, shrink=0.8)
    drawing.save(figure, FOLDER / "certificate.png", 130)


def share() -> None:
    """Three critics on the line, each scaled to slope 1 on the examples."""
    fake, real = line_sets()
    candidates = {
        "the best critic": critics.reference_critic(real, fake),
        "a smooth critic": lambda t: np.tanh(0.8 * t[:, 0]),
        "one steep place": lambda t: 0.15 * t[:, 0] + np.tanh(8 * (t[:, 0] - 0.9)) / 2,
    }
    figure, every = drawing.panels(3, 3, 3.0, 2.8)
    t = np.linspace(-3, 3, 600)[:, None]
    for axes, (name, f) in zip(every, candidates.items(), strict=True):
        proof = referee.certify_critic(real, fake, f(real), f(fake))
        values = f(t) / proof.lipschitz
        axes.plot(t, values - values.mean(), color=ACCENT, linewidth=1.8)
        on_line(axes, fake, real)
        axes.set(ylim=(-3.2, 3.2))
        axes.set_title(f"{name}: share {proof.share:.0%}", fontsize=9)
    drawing.save(figure, FOLDER / "share.png", 130)


PICTURES = (game, distance, floor, certificate, share)

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for draw_one in PICTURES:
        draw_one()
