"""Part 4: a generator trained by transport alone: permutation, regression, again."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan import config, data, networks, primal
from gan.precise import in_full
from gan.referee import distances
from gan.reports import drawing, figures
from gan.reports.story import Grid, Part, PartContext, Picture

ROWS = 16


class Round(NamedTuple):
    """The generator after some rounds, matched to the data."""

    number: int
    params: Any
    images: np.ndarray
    """[n, *shape]: what the fixed codes are sent to."""
    permutation: np.ndarray
    """[n]: which datum each of them is matched to."""
    cost: float
    """Mean squared distance of the optimal matching."""


def train(
    generator: networks.Network,
    codes: np.ndarray,
    real: np.ndarray,
    *,
    seed: int,
    rounds: int,
    steps: int,
    learning_rate: float,
) -> Iterator[Round]:
    """Alternate an exact permutation and a regression, without a critic.

    Fixed codes, exact permutation, regression: see gan.primal.codes.

    Args:
        generator: pure network from codes to examples.
        codes: [n, latent_dim].
        real: [n, *shape].
        seed: of the parameters.
        rounds: how often to match and fit; one more `Round` than this is yielded.
        steps: Adam steps per fit.
        learning_rate: Adam's.
    """
    choice = config.Config(
        seed=seed,
        latent_dim=codes.shape[1],
        generator_learning_rate=learning_rate,
        beta1=0.9,
        beta2=0.999,
    )
    problem = primal.make_problem(choice, generator, real)
    halves = primal.FixedCodes(problem, codes, steps)
    state = primal.start(problem, memory=None)
    for number in range(rounds + 1):
        found = halves.match(state)
        # The next fit consumes the state.
        params = jax.tree.map(jnp.copy, state.generator)
        images = found.points.reshape(real.shape)
        yield Round(number, params, images, found.permutation, found.cost)
        if number < rounds:
            state = halves.fit(state, found)


class Followed(NamedTuple):
    """A training, looked at from outside.

    Attributes:
        numbers: for the page.
        kept: rounds of which frames are shown.
        fresh: what the generator makes of codes that it never saw, at the end; [n, *shape].
        real, held: training and held-out examples.
        dataset: both are of.
    """

    numbers: dict
    kept: list[Round]
    fresh: np.ndarray
    real: np.ndarray
    held: np.ndarray
    dataset: Any


def follow(context: PartContext, name: str) -> Followed:
    """Train on the data set `name` and measure along the way.

    W1 is measured at the sizes' "measured" rounds, from fresh codes to held-out examples, with its
    floor and debiased value.
    """
    sizes = context.sizes[name]
    n, dim, measured = sizes["n"], sizes["latent_dim"], sizes["measured"]
    dataset = data.load(config.Data(name=name), data_dir=context.data_dir)
    draw = np.random.default_rng(context.seed)
    rows = draw.permutation(dataset.size("train"))[: 2 * n]
    real, other = (dataset.examples("train", part)[0] for part in (rows[:n], rows[n:]))
    held = dataset.examples("test", draw.permutation(dataset.size("test"))[:n])[0]
    codes, *fresh = (draw.normal(size=(n, dim)).astype(np.float32) for _ in range(3))
    spec = config.Network(width=sizes["width"], depth=sizes["depth"])
    generator = networks.generator(spec, dim, dataset.shape)
    reference = distances.reference(held, [real[: len(held)], other[: len(held)]])
    apply = jax.jit(in_full(generator.apply))
    curve: dict[str, list] = {"round": [], "train": [], "w1": [], "debiased": []}
    kept = []
    how = {key: sizes[key] for key in ("steps", "learning_rate")}
    for state in train(generator, codes, real, seed=context.seed, rounds=measured[-1], **how):
        if state.number not in measured:
            continue
        made = [np.asarray(apply(state.params, z)) for z in fresh]
        sets = [each[: len(held)] for each in made]
        found = distances.distance(sets, reference, resamples=0, permutations=0)
        curve["round"].append(state.number)
        curve["train"].append(distances.w1(state.images, real))
        curve["w1"].append(found.value)
        curve["debiased"].append(found.debiased)
        kept.append(state)
    _curves(context.path(f"{name}_curve"), curve, found.floor)
    numbers = {
        "n": n,
        "held": len(held),
        "side": dataset.shape[0],
        "latent_dim": dim,
        "parameters": networks.parameter_count(kept[-1].params),
        "rounds": measured[-1],
        "steps": sizes["steps"],
        "floor": found.floor,
        "floor_spread": found.floor_spread,
        "curve": curve,
        **_turning_points(curve, found.floor),
        "nearest": float(np.median(distances.nearest(sets[0], real)[0])),
        "nearest_real": float(np.median(distances.nearest(held, real)[0])),
    }
    return Followed(numbers, kept, made[0], real, held, dataset)


def _turning_points(curve: dict[str, list], floor: float) -> dict:
    """Where the distances of a curve begin, are lowest, and end."""
    best = int(np.argmin(curve["w1"]))
    return {
        "first_train": curve["train"][0],
        "last_train": curve["train"][-1],
        "first_w1": curve["w1"][0],
        "best_w1": curve["w1"][best],
        "best_round": curve["round"][best],
        "best_debiased": curve["debiased"][best],
        "last_w1": curve["w1"][-1],
        "ratio": curve["w1"][-1] / floor,
        "last_debiased": curve["debiased"][-1],
    }


def compute(context: PartContext) -> dict:
    """Points in the plane, then digits."""
    plane = follow(context, "gaussians8")
    _draw_plane(context, plane)
    digits = follow(context, "digits")
    frames = np.concatenate([state.images[:ROWS] for state in digits.kept])
    both = np.concatenate([digits.fresh[: 2 * ROWS], digits.held[:ROWS]])
    for name, images in (("digits_frames", frames), ("digits_fresh", both)):
        grid = figures.image_grid(digits.dataset.to_uint8(images), ROWS)
        figures.save_image(context.path(name), grid)
    return {"gaussians8": plane.numbers, "digits": digits.numbers}


def _draw_plane(context: PartContext, plane: Followed) -> None:
    kept, real = plane.kept, plane.real
    figure, axes = drawing.panels(len(kept), drawing.columns(len(kept)), 2.2, 2.4)
    for panel, state in zip(axes, kept, strict=True):
        drawing.plane(panel, f"round {state.number}", real, margin=0.2)
        to = real[state.permutation]
        drawing.segments(panel, state.images, to, color=drawing.FAINT, linewidth=0.6, zorder=1)
        drawing.scatter(panel, state.images, real, 4)
    drawing.save(figure, context.path("gaussians8_frames"))
    figure, axes = drawing.panels(2, 2, 3, 3.2)
    for panel, points, name in (
        (axes[0], plane.fresh, "fresh codes"),
        (axes[1], plane.held, "held-out data"),
    ):
        drawing.plane(panel, name, real, margin=0.2)
        color = drawing.SOURCE if panel is axes[0] else drawing.TARGET
        panel.scatter(*points.T, s=4, color=color, linewidths=0)
    drawing.save(figure, context.path("gaussians8_fresh"))


def _curves(path, curve, floor):
    figure, axes = drawing.chart(7.2, 2.9)
    for name, label, color in (
        ("train", "the fixed codes to their data", drawing.LINE),
        ("w1", "fresh codes to held-out data", drawing.SOURCE),
        ("debiased", "the same, debiased", drawing.ACCENT),
    ):
        axes.plot(curve["round"], curve[name], "o-", markersize=3, color=color, label=label)
    axes.axhline(floor, color=drawing.TARGET, linestyle="--", linewidth=1, label="floor")
    axes.set(xlabel="round", ylabel="exact W1", xscale="symlog")
    axes.set_ylim(bottom=min(0, *curve["debiased"]) - 0.03 * curve["w1"][0])
    axes.set_xticks(curve["round"], curve["round"], minor=False)
    axes.set_xlim(left=-0.15)
    axes.legend(fontsize="small")
    drawing.save(figure, path)


def story(numbers: dict) -> list:
    """Templates of the part."""
    rows = tuple(
        (
            name,
            *(
                f"{{{key}[{field}]:.4g}}"
                for field in ("first_w1", "last_w1", "floor", "last_debiased", "last_train")
            ),
        )
        for key, name in (("gaussians8", "eight Gaussians"), ("digits", "digits"))
    )
    count = len(numbers["digits"]["curve"]["round"])
    every = [f"{{digits[curve][round][{k}]}}" for k in range(count)]
    return [
        "A generator turns random codes into points. If we know where every code should go, "
        "training is plain regression. And transport knows: pair the generated points with the "
        "data as cheaply as possible, pull each towards its partner, pair again. No critic, no "
        "game, no adversary.",
        *IN_THE_PLANE,
        *_on_digits(", ".join(every[:-1]) + " and " + every[-1]),
        Grid(
            ("", "W1 at the start", "at the end", "floor", "debiased", "on its own codes"),
            rows,
        ),
        "Transport alone does train a generator. But between two codes the network averages the "
        "digits they were paired with, and an average of digits is a blur. The next part shows why "
        "the distance itself is not innocent.",
    ]


IN_THE_PLANE = (
    "First the plane: {gaussians8[n]} fixed codes, as many points around eight centres, a "
    "small network of {gaussians8[parameters]:,} parameters, {gaussians8[steps]} steps of "
    "regression after each exact pairing.",
    Picture(
        "gaussians8_frames",
        "Blue: where the network sends its codes. Red: the data. Grey: the optimal pairing "
        "that the next regression follows.",
    ),
    Picture(
        "gaussians8_fresh",
        "Left: codes that the network never saw. A continuous map cannot tear a connected "
        "cloud apart, so threads remain between the centres.",
    ),
    Picture(
        "gaussians8_curve",
        "Exact distance along the rounds. The floor is the distance of other real points to "
        "the held-out ones: two honest samples of one distribution are not at distance zero.",
    ),
)


def _on_digits(rounds: str) -> list:
    """What happened to digits; `rounds` says after how many there are frames."""
    return [
        "Now digits, {digits[side]} pixels wide, {digits[n]} of them, and codes of "
        "{digits[latent_dim]} "
        "numbers. Nothing else changes.",
        Picture(
            "digits_frames",
            "The same codes as training goes on: a row each after " + rounds + " rounds.",
            plot=False,
        ),
        Picture("digits_curve", "Exact distance along the rounds, for digits."),
        "On its own codes the network learns its partners by heart: the distance falls from "
        "{digits[first_train]:.3g} to {digits[last_train]:.3g}. What counts are fresh codes "
        "against digits held out. There it starts at {digits[first_w1]:.3g}, is lowest after "
        "{digits[best_round]} rounds, {digits[best_w1]:.3g}, and ends at {digits[last_w1]:.3g}, "
        "which is {digits[ratio]:.2f} times the floor of {digits[floor]:.3g}.",
        "Raw distances between samples flatter a blur, because an average is not far from "
        "anything. The debiased distance takes off half of the floor and half of the distance "
        "between two generated sets. It is {digits[best_debiased]:.3g} after those "
        "{digits[best_round]} rounds and {digits[last_debiased]:.3g} at the end; a perfect "
        "generator would be near zero.",
        Picture(
            "digits_fresh",
            "Fresh codes (two rows), and held-out real digits (last row).",
            plot=False,
        ),
    ]


PART = Part(
    name="primal_generator",
    title="4. A generator without a critic",
    sizes={
        "gaussians8": {
            "n": 512,
            "latent_dim": 2,
            "width": 128,
            "depth": 3,
            "steps": 40,
            "learning_rate": 2e-3,
            "measured": [0, 1, 2, 4, 8, 16, 32, 64],
        },
        "digits": {
            "n": 398,
            "latent_dim": 16,
            "width": 256,
            "depth": 2,
            "steps": 40,
            "learning_rate": 1e-3,
            "measured": [0, 1, 2, 4, 8, 16, 32, 64],
        },
    },
    compute=compute,
    story=story,
)
