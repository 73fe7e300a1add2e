"""Part 6: what transport charges for wrong proportions, and which mass must change class."""

import numpy as np

from gan import config, data, transport
from gan.reports import drawing
from gan.reports.story import Grid, Part, PartContext, Picture

CLASSES = (0, 1)
SHOWN = 8


def pools(dataset, classes: tuple[int, int]) -> list[np.ndarray]:
    """All images of each of the two classes, from every split."""
    parts = [dataset.examples(split) for split in data.SPLITS]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return [images[labels == k] for k in classes]


def draw_sets(
    pools: list[np.ndarray], n: int, share: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A source with `share` of class 0 and a target with half of it, disjoint real images.

    Returns:
        (source [n, ...], its classes [n], target [n, ...], its classes [n]).

    Raises:
        ValueError: if a class has too few images.
    """
    counts = [round(n * share), n - round(n * share)]
    source, target = [], []
    for pool, count in zip(pools, counts, strict=True):
        if count + n // 2 > len(pool):
            raise ValueError(f"need {count + n // 2} images of a class, got {len(pool)}")
        order = generator.permutation(len(pool))
        source.append(pool[order[:count]])
        target.append(pool[order[count : count + n // 2]])
    classes = np.repeat([0, 1], counts), np.repeat([0, 1], [n // 2, n // 2])
    return np.concatenate(source), classes[0], np.concatenate(target), classes[1]


def flow_between(plan, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Mass [2, 2] that a plan [n, m] moves from each class of the source to each of the target."""
    arcs = plan.tocoo()
    flow = np.zeros((2, 2))
    np.add.at(flow, (source[arcs.row], target[arcs.col]), arcs.data)
    return flow


def compute(context: PartContext) -> dict:
    """W1 for every share, the flow between the classes, and the images that must change."""
    sizes = context.sizes
    dataset = data.load(config.Data(name="digits"), data_dir=context.data_dir)
    images = pools(dataset, CLASSES)
    generator = np.random.default_rng(context.seed)
    n, shares = sizes["n"], sizes["shares"]
    values = {share: [] for share in shares}
    flows = {share: [] for share in shares}
    travel = {"same": [], "changing": []}
    extreme = max(shares)
    for _ in range(sizes["repeats"]):
        for share in shares:
            x, source, y, target = draw_sets(images, n, share, generator)
            exact = transport.assignment(x, y)
            values[share].append(exact.value)
            flows[share].append(flow_between(exact.plan, source, target))
            changes = source != target[exact.permutation]
            costs = np.linalg.norm((x - y[exact.permutation]).reshape(n, -1), axis=1)
            if share == extreme:
                travel["same"].append(costs[~changes].mean())
                travel["changing"].append(costs[changes].mean())
                last = x[changes], y[exact.permutation[changes]]
    _pictures(context.path("changed"), *last)
    changed = {s: [1 - float(np.trace(flow)) for flow in flows[s]] for s in shares}
    floor = values[0.5]
    _draw(context.path("charge"), shares, values)
    flow = np.mean(flows[extreme], axis=0)
    return {
        "classes": [str(k) for k in CLASSES],
        "n": n,
        "repeats": sizes["repeats"],
        "charges": {
            f"share{100 * share:.0f}": {
                "share": share,
                "other": 1 - share,
                "w1": float(np.mean(values[share])),
                "spread": float(np.std(values[share], ddof=1)),
                "excess": float(np.mean(values[share]) - np.mean(floor)),
                "changed": float(np.mean(changed[share])),
                "needed": abs(share - 0.5),
            }
            for share in shares
        },
        "floor": float(np.mean(floor)),
        "floor_spread": float(np.std(floor, ddof=1)),
        "extreme": extreme,
        "extreme_other": 1 - extreme,
        "flow": flow.tolist(),
        "flow_rows": flow.sum(axis=1).tolist(),
        "flow_columns": flow.sum(axis=0).tolist(),
        "changed": float(np.mean(changed[extreme])),
        "changed_most": max(changed[extreme]),
        "changed_least": min(changed[extreme]),
        "needed": abs(extreme - 0.5),
        "travel_same": float(np.mean(travel["same"])),
        "travel_changing": float(np.mean(travel["changing"])),
        "excess": float(np.mean(values[extreme]) - np.mean(floor)),
    }


def _draw(path, shares, values):
    figure, axes = drawing.chart(7.2, 2.9)
    middle = [np.mean(values[share]) for share in shares]
    spread = [np.std(values[share], ddof=1) for share in shares]
    percent = [100 * share for share in shares]
    for share in shares:
        axes.scatter([100 * share] * len(values[share]), values[share], s=7, color=drawing.FAINT)
    axes.errorbar(percent, middle, spread, fmt="o-", color=drawing.SOURCE, capsize=3)
    floor = np.mean(values[0.5])
    axes.axhline(floor, color=drawing.TARGET, linestyle="--", linewidth=1, label="floor")
    axes.set(xlabel="per cent of the first class in the generated set", ylabel="exact W1")
    axes.legend(fontsize="small")
    drawing.save(figure, path)


def _pictures(path, sent, received):
    shown = min(SHOWN, len(sent))
    figure, axes = drawing.panels(2 * shown, shown, 1.0, 1.15)
    for k in range(shown):
        drawing.image(axes[k], sent[k, ..., 0], "")
        drawing.image(axes[shown + k], received[k, ..., 0], "")
    drawing.save(figure, path)


def story(numbers: dict) -> list:
    """Templates of the part."""
    exact = max(abs(numbers[k] - numbers["needed"]) for k in ("changed_most", "changed_least"))
    return [
        "Suppose the world is half zeros and half ones, and a generator draws perfect digits of "
        "both kinds in the wrong proportion, {extreme:.0%} to {extreme_other:.0%}. Every single "
        "image is flawless. What does transport say?",
        "No need for a network: real digits stand in for the generated ones, {n} of them, "
        "against as many others in equal parts. The mass has to balance, so at least {needed:.0%} "
        "of it must change class, and a zero that has to become a one travels far.",
        Picture(
            "charge",
            "Exact distance to an even mixture. Grey: {repeats} independent draws per share; "
            "bars: their standard deviation. The floor is the even mixture against another one.",
        ),
        _charges(numbers["charges"]),
        "At {extreme:.0%} the distance is {excess:.3f} above the floor of {floor:.3f}. The optimal "
        "plan says where that comes from. Added up by class it is a table of two by two, whose "
        "rows are what the generator has and whose columns are what the world wants.",
        FLOW,
        (
            "Exactly {changed:.1%} of the mass changes class in every one of the {repeats} draws, "
            "the least that arithmetic allows. "
            if exact < 1e-9
            else "On average {changed:.1%} of the mass changes class (between {changed_least:.1%} "
            "and {changed_most:.1%}), where arithmetic asks for {needed:.1%}. "
        )
        + "An image that may stay in its class travels {travel_same:.2f} on average, one that may "
        "not travels {travel_changing:.2f}.",
        Picture(
            "changed",
            "Above: zeros that nobody wanted. Below: the ones they were turned into. This is what "
            "the gradient of an exact distance would ask the generator to do.",
        ),
        "So transport does see proportions, which nearest neighbours never would. And it answers "
        "in the only language it has: by turning zeros into ones, pixel by pixel, along a straight "
        "line that leads through no digit at all.",
    ]


def _charges(charges: dict) -> Grid:
    """The table of distances by proportion."""
    rows = tuple(
        (
            f"{{charges[{key}][share]:.0%}} / {{charges[{key}][other]:.0%}}",
            f"{{charges[{key}][w1]:.3f}} ± {{charges[{key}][spread]:.3f}}",
            f"{{charges[{key}][excess]:+.3f}}",
            f"{{charges[{key}][changed]:.1%}}",
            f"{{charges[{key}][needed]:.1%}}",
        )
        for key in charges
    )
    heads = f"{FIRST} / {SECOND}", "W1", "above the floor", "changes class", "must"
    return Grid(heads, rows)


FIRST, SECOND = "{classes[0]}", "{classes[1]}"

FLOW = Grid(
    ("from \\ to", FIRST, SECOND, "in all"),
    (
        (FIRST, "{flow[0][0]:.3f}", "{flow[0][1]:.3f}", "{flow_rows[0]:.3f}"),
        (SECOND, "{flow[1][0]:.3f}", "{flow[1][1]:.3f}", "{flow_rows[1]:.3f}"),
        ("in all", "{flow_columns[0]:.3f}", "{flow_columns[1]:.3f}", ""),
    ),
)
"""The table of mass by class of source and target."""


PART = Part(
    name="proportions",
    title="6. The right images in the wrong proportions",
    sizes={
        "n": 100,
        "repeats": 10,
        "shares": [0.3, 0.4, 0.5, 0.6, 0.7],
    },
    compute=compute,
    story=story,
)
