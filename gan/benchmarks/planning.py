"""The planning page: what accelerators would take, from measured growth and stated counts.

Nothing here was measured on an accelerator. Peaks are data sheets', budgets are papers', both with
their source beside them; what share of a peak is reached and how long one step takes at least are
assumptions, given as a range that every planned figure carries.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import jax

from gan import config, networks, presets
from gan.benchmarks import growth_axes, growth_page, power_laws, workloads

SHARE = 0.05, 0.30
"""Assumed share of the data sheet's peak that training reaches, pessimistic and optimistic."""
LATENCY = 1.5e-3, 0.3e-3
"""Assumed seconds that one step of a player takes at least, however small: some hundred dependent
operations of 15 or 3 microseconds."""
LINKS = 0.5
"""Assumed share of the data sheet's link bandwidth that an all-reduce gets."""
LEAST = 8
"""Assumed least number of examples a device is worth using for."""
TOGETHER = 64
"""Assumed largest number of members that one device trains at once."""
NEEDED = ("dcgan_width", "mlp_width", "members_vectorized", "transport_n")
"""Axes without which there is no plan."""
EARLIER = {20_000: 7.8, 60_000: 32.7, 200_000: 247.1}
"""Seconds of the same transport at sizes that are not on the axis, from results/transport.md."""
EARLIER_GIB = {20_000: 0.75, 60_000: 1.02, 200_000: 1.94}
"""Peak of those whole processes."""
CLUSTERS = (60_000, 200_000, 1_000_000)
"""Points in each set whose transport is planned."""


class Machine(NamedTuple):
    """Devices of one kind. `peak` is flop/s of products in training's default precision, `single`
    of float32 products, `link` bytes/s out of a device; all per device, from data sheets."""

    name: str
    devices: int
    peak: float
    single: float
    link: float


MACHINES = (
    Machine("one H100", 1, 494.7e12, 66.9e12, 450e9),
    Machine("eight H100", 8, 494.7e12, 66.9e12, 450e9),
    Machine("a TPU v4 pod", 4096, 275e12, 275e12 / 6, 300e9),
)
SOURCES = (
    "NVIDIA H100 Tensor Core GPU data sheet (SXM5): 989.4 TFLOP/s TF32 with sparsity, half of it, "
    "494.7, without; 66.9 float32; NVLink 900 GB/s, 450 each way. XLA lets float32 products use "
    "TF32 unless told otherwise.",
    "Google Cloud, TPU v4 documentation: 275 TFLOP/s bfloat16 per chip, 4,096 chips in a pod; "
    "Jouppi et al. 2023 (ISCA): six links of 50 GB/s per chip. XLA takes one bfloat16 pass for a "
    "float32 product unless told otherwise; six passes make float32.",
)


class PlannedTraining(NamedTuple):
    """A training: config, shape and classes of its data, generator steps, where they come from."""

    name: str
    choice: config.Config
    shape: tuple[int, ...]
    classes: int
    steps: int
    source: str


def biggan(side: int) -> config.Config:
    """Our `biggan` pair with the width, batch, latent and steps of Brock et al. 2019."""
    player = config.Network(name="biggan", width=96)
    return config.Config(
        batch_size=2048,
        n_critic=2,
        latent_dim=120,
        conditional=True,
        loss="hinge",
        penalty="none",
        data=config.Data(name="imagenet", image_size=side),
        generator=dataclasses.replace(player, normalization="layer"),
        critic=player,
    )


def jobs() -> list[PlannedTraining]:
    """What is planned."""
    digits, garments = presets.get("digits"), presets.get("fashion_mnist")
    residual = presets.get("cifar10_resnet")
    paper = "Gulrajani et al. 2017: 100,000 generator steps (theirs with twice our generator batch)"
    large = "150,000 steps of batch 2048: README of the authors' BigGAN-PyTorch"
    return [
        PlannedTraining("digits preset", digits, (8, 8, 1), 0, digits.steps, "the preset"),
        PlannedTraining(
            "fashion_mnist preset", garments, (28, 28, 1), 0, garments.steps, "the preset"
        ),
        PlannedTraining("cifar10_resnet preset", residual, (32, 32, 3), 0, 100_000, paper),
        PlannedTraining("BigGAN-like, 64 pixels", biggan(64), (64, 64, 3), 1000, 150_000, large),
        PlannedTraining(
            "BigGAN-like, 128 pixels", biggan(128), (128, 128, 3), 1000, 150_000, large
        ),
    ]


def work(job: PlannedTraining) -> tuple[float, int]:
    """(flop of one iteration, parameters of both players), the count of `workloads.gflop`."""
    choice = job.choice
    generator = networks.generator(choice.generator, choice.latent_dim, job.shape, job.classes)
    critic = networks.critic(choice.critic, job.shape, job.classes)
    shapes = [jax.eval_shape(player.init, jax.random.key(0)) for player in (generator, critic)]
    flop = 1e9 * workloads.gflop(choice, generator, critic, job.shape)
    return flop, networks.parameter_count(shapes)


def training(
    choice: config.Config, flop: float, parameters: int, machine: Machine, share: float, step: float
) -> float:
    """Seconds of one iteration: products, least time of a step, all-reduce of the gradients.

    flop / (share peak k) + steps (step + 8 parameters / 2 / (LINKS link)) on k devices, those that
    get at least LEAST examples; nothing is exchanged on one.
    """
    used = max(1, min(machine.devices, choice.batch_size // LEAST))
    exchange = 0.0 if used == 1 else 4 * parameters / (LINKS * machine.link)
    return flop / (share * machine.peak * used) + (choice.n_critic + 1) * (step + exchange)


def population(
    choice: config.Config, flop: float, members: int, machine: Machine, share: float, step: float
) -> float:
    """Seconds of one iteration of every member, TOGETHER at most at once on a device."""
    own = math.ceil(members / machine.devices)
    turns = math.ceil(own / TOGETHER)
    return own * flop / (share * machine.peak) + turns * (choice.n_critic + 1) * step


def possible(found: dict) -> bool:
    """Whether what the plan starts from was measured."""
    parts = [growth_page.fit(found, "transport_n", part) for part in ("seconds", "sparse")]
    parts.append(growth_page.fit(found, "members_vectorized"))
    return all(growth_page.medians(found, name) for name in NEEDED) and None not in parts


def page(found: dict) -> str:
    """planning.md."""
    return "\n".join(
        [
            "# What larger machines would take: a plan, not a measurement",
            "",
            f"Made by `python -m experiments.growth` from growth.json ({found['when']}, "
            f"{found['cores']} cores of {found['machine']}). **Nothing on this page was measured "
            "on an accelerator.** Three kinds of figures:",
            "",
            "- *measured*: on the CPU named above, in [growth.md](growth.md);",
            "- *published*: from a data sheet or paper, named below;",
            "- *extrapolated*: everything in a column of a machine, and CPU times of what was not "
            "run.",
            "",
            *_growth(found),
            *_training(found),
            *_populations(found),
            *_transport(found),
            *_assumptions(),
        ]
    )


def _growth(found: dict) -> list[str]:
    lines = [
        "## What doubling costs (measured)",
        "",
        "| doubling of | of | multiplies seconds by | 95 % interval | flops by |",
        "|" + "---|" * 5,
    ]
    for name in growth_axes.AXES:
        axis, line = growth_axes.AXES[name], growth_page.fit(found, name)
        flops = growth_page.fit(found, name, "gflop")
        if line is None:
            continue
        reach = "" if line.interval is None else " to ".join(f"{2**e:.2f}" for e in line.interval)
        counted = "" if flops is None else f"{2**flops.exponent:.2f}"
        lines.append(
            f"| {axis.unit} | {axis.title} | {2**line.exponent:.2f} | {reach} | {counted} |"
        )
    return [*lines, ""]


def _rates(found: dict) -> tuple[float, float]:
    """Measured flop/s of the narrowest MLP and of the widest DCGAN."""
    rates = []
    for name, pick in (("mlp_width", min), ("dcgan_width", max)):
        seconds, flops = growth_page.medians(found, name), growth_page.medians(found, name, "gflop")
        size = pick(seconds)
        rates.append(1e9 * flops[size] / seconds[size])
    return rates[0], rates[1]


def _training(found: dict) -> list[str]:
    dense, images = _rates(found)
    names = " | ".join(machine.name for machine in MACHINES)
    lines = [
        "## One training (extrapolated)",
        "",
        f"Two cores: the count divided by a measured rate, {dense / 1e9:.0f} GFLOP/s of the "
        f"narrowest MLP or {images / 1e9:.0f} of the widest DCGAN; start-up, evaluations and "
        "checkpoints left out. (Counts are of the direct form of a convolution; Winograd's, which "
        "runs on the CPU, does with fewer.) Machines: optimistic to pessimistic, by the "
        "assumptions at the end.",
        "",
        f"| training | parameters | GFLOP / iteration | iterations | two cores | {names} |",
        "|" + "---|" * (5 + len(MACHINES)),
    ]
    for job in jobs():
        flop, parameters = work(job)
        rate = dense if job.choice.generator.name == "mlp" else images
        cells = _ranges(
            lambda *on, job=job, flop=flop, parameters=parameters: (
                job.steps * training(job.choice, flop, parameters, *on)
            )
        )
        lines.append(
            f"| {job.name} | {parameters / 1e6:.3g} M | {flop / 1e9:.3g} | {job.steps:,} | "
            f"{_time(job.steps * flop / rate)} | {' | '.join(cells)} |"
        )
    lines += ["", "Where the iterations come from:", ""]
    lines += [f"- {job.name}: {job.source}." for job in jobs()]
    lines += [
        "- For comparison, measured: the digits preset's steps take 36 s on two AVX2 "
        "cores ([accounting](../benchmark/avx2/accounting.md)).",
        "- For comparison, published: the same README states 15 days for BigGAN at 128 pixels, "
        "150,000 iterations of batch 2048, on eight V100 in float32; Brock et al. 2019 state 24 to "
        "48 hours for most models, at 128 pixels on 128 cores of a TPU v3 pod. Our `biggan` keeps "
        "its residual blocks between strided convolutions: another network with another count.",
        "- Small batches do not spread: a batch of 64 gives work to eight devices at most, so a "
        "pod does nothing for one such training. It is for populations.",
        "",
    ]
    return lines


def _ranges(seconds) -> list[str]:
    """Per machine, optimistic to pessimistic: seconds(machine, share, step)."""
    cells = []
    for machine in MACHINES:
        slow, fast = (seconds(machine, *each) for each in zip(SHARE, LATENCY, strict=True))
        cells.append(f"{_time(fast)} to {_time(slow)}")
    return cells


def _populations(found: dict) -> list[str]:
    members = 1000
    line = growth_page.fit(found, "members_vectorized")
    dense, images = _rates(found)
    names = " | ".join(machine.name for machine in MACHINES)
    lines = [
        f"## {members:,} trainings of one shape, as populations (extrapolated)",
        "",
        f"Measured on the CPU: cost grows with members to the power {line.exponent:.2f} "
        f"(vectorised; {_interval(line)}), so a CPU gains little by training them together. An "
        f"accelerator gains until its products fill it; {TOGETHER} members at once on a device are "
        "assumed.",
        "",
        f"| trainings | two cores | {names} |",
        "|" + "---|" * (2 + len(MACHINES)),
    ]
    for job in jobs()[:2]:
        flop, _ = work(job)
        rate = dense if job.choice.generator.name == "mlp" else images
        cells = _ranges(
            lambda *on, job=job, flop=flop: job.steps * population(job.choice, flop, members, *on)
        )
        cpu = _time(members * job.steps * flop / rate)
        lines.append(f"| {members:,} x {job.name} | {cpu} | {' | '.join(cells)} |")
    return [*lines, ""]


def beyond(values: dict[int, float], n: int, most: float) -> tuple[float, float]:
    """(least, most) value at a size beyond the largest, which keeps the exponent between the two
    largest sizes or takes `most`; at a size that was measured its value twice."""
    if n in values:
        return values[n], values[n]
    before, last = sorted(values)[-2:]
    exponent = math.log(values[last] / values[before]) / math.log(last / before)
    both = [values[last] * (n / last) ** e for e in (exponent, most)]
    return min(both), max(both)


def _transport(found: dict) -> list[str]:
    seconds = EARLIER | growth_page.medians(found, "transport_n")
    solves = growth_page.fit(found, "transport_n", "sparse")
    passes = list(growth_page.medians(found, "transport_n", "passes").values())[-1]
    largest = max(growth_page.medians(found, "transport_n"))
    names = " | ".join(machine.name for machine in MACHINES)
    lines = [
        "## One certified assignment, d = 64, Euclidean",
        "",
        "Two cores: a single figure is *measured* (this experiment, or "
        "[transport.md](../transport.md), one run each; GiB of whole processes); a range is "
        "*extrapolated* from the two largest measured sizes, with the exponent between them and "
        "with 2 (for memory 1). Sparse solves: *extrapolated* by the power law through the sizes "
        f"up to {largest:,}; in brackets the 95 % interval, if the law went on. A machine: "
        f"*extrapolated*, its products, float32 at {100 * SHARE[1]:.0f} to {100 * SHARE[0]:.0f} % "
        f"of the peak, {passes:.1f} passes over all pairs, plus the sparse solves, which stay on a "
        "host like this one and carry that interval. The other work on pairs (selecting and "
        "sorting arcs) is left out, so the machines' figures err on the low side.",
        "",
        "| n | two cores | GiB | of which sparse solves | " + names + " |",
        "|" + "---|" * (4 + len(MACHINES)),
    ]
    for n in CLUSTERS:
        sparse, low, high = power_laws.predict(solves, n)
        cells = []
        for machine in MACHINES:
            products = passes * 2 * 64 * n**2 / (machine.single * machine.devices)
            both = [products / share + sparse for share in SHARE]
            cells.append(f"{_time(both[1])} to {_time(both[0])}")
        least, most = (_time(value) for value in beyond(seconds, n, 2.0))
        small, large = (f"{value:.1f}" for value in beyond(EARLIER_GIB, n, 1.0))
        lines.append(
            f"| {n:,} | {least if least == most else f'{least} to {most}'} | "
            f"{small if small == large else f'{small} to {large}'} | {_time(sparse)} "
            f"({_time(low)} to {_time(high)}) | {' | '.join(cells)} |"
        )
    return [
        *lines,
        "",
        "- n = 200,000 is the largest that was ever solved here. At n = 400,000 a try under load "
        "was stopped after 22 processor minutes, still in its first sparse solve: the line for "
        "1,000,000 may be far too low.",
        "- More devices do not help much beyond one: the sparse solves are sequential. What would "
        "help is a parallel sparse solver (auction, push-relabel), which "
        "this project does not have.",
        "- The passes here are in float32, with a margin for rounding that keeps them rigorous; "
        "with TF32 or bfloat16 products of general points that margin would be thousands of "
        "times wider and exclude few pairs. Pixels are exact in bfloat16.",
        "- Verification, NumPy on a host, comes on top.",
        "",
    ]


def _assumptions() -> list[str]:
    return [
        "## Assumptions and sources",
        "",
        *(f"- Published: {source}" for source in SOURCES),
        f"- Assumed: training reaches {100 * SHARE[0]:.0f} to {100 * SHARE[1]:.0f} % of that peak; "
        f"a step of one player takes at least {1000 * LATENCY[1]:.1f} to "
        f"{1000 * LATENCY[0]:.1f} ms, which is what small players cost on an accelerator.",
        f"- Assumed: a batch is split while every device keeps {LEAST} examples; an all-reduce of "
        f"the gradients in float32 moves twice their bytes at {100 * LINKS:.0f} % of the links.",
        "- Counts are of products and convolutions alone, in their direct form. Memory of "
        "activations (a batch may have to be accumulated in parts), input pipelines and failures "
        "of hosts are not planned.",
        "- One measurement on the machine in question replaces all of this: the same command is "
        "meant to run there, which has not been tried; the memory it reports is the host's.",
        "",
    ]


def _interval(line: power_laws.PowerLaw) -> str:
    return "no interval" if line.interval is None else "{:.2f} to {:.2f}".format(*line.interval)


def _time(seconds: float) -> str:
    """A duration to two digits: 0.3 s, 12 min, 3.4 h, 15 days."""
    for unit, length in (("years", 365.25 * 86400), ("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{_short(seconds / length)} {unit}"
    return f"{_short(seconds)} s"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"
