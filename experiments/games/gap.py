"""Part 3: the duality gap of real training, exact because transport solves the critic's half.

The probe makes the game finite: the critic chooses a function of slope at most 1 on the points of
the probe, the generator a distribution on them. For the rescaled critic f and the generated set,
with V = mean f(real) - mean f(fake),

    critic's half      W1 - V >= 0, what a perfect critic would gain;
    generator's half   max f - mean f(fake) >= 0, what a generator would gain that puts everything
                       where the critic's score is highest.

Their sum is the gap; it is 0 only at an equilibrium, where both sets agree and f is flat.
"""

import jax
import jax.numpy as jnp
import numpy as np

from gan import config, data, presets
from gan.referee import critics as referee
from gan.reports import drawing
from gan.reports.story import Grid, Part, PartContext, Picture
from gan.training import advance, make_game
from gan.transport import wasserstein


def compute(context: PartContext) -> dict:
    """Gap, exact W1 and floor along every training."""
    runs = []
    for name, changes in context.sizes["runs"].items():
        runs.append({"name": name} | _train(context, changes))
    _draw(context.path("curves"), runs)
    rows = [
        {"name": run["name"], "floor": run["floor"]}
        | {f"first_{key}": run["curve"][key][0] for key in ("w1", "critic", "generator")}
        | {f"last_{key}": run["curve"][key][-1] for key in ("w1", "critic", "generator", "share")}
        | {"lowest_critic": min(run["curve"]["critic"])}
        for run in runs
    ]
    return {
        "n": context.sizes["n"],
        "steps": runs[0]["steps"],
        "width": runs[0]["width"],
        "evaluations": len(runs[0]["curve"]["step"]),
        "lowest_half": min(
            min(run["curve"][half]) for run in runs for half in ("critic", "generator")
        ),
        "best_share": max(max(run["curve"]["share"]) for run in runs),
        "curves": {run["name"]: run["curve"] for run in runs},
        "rows": rows,
    }


def _train(context: PartContext, changes: dict) -> dict:
    """One training, measured on a probe that takes no part in it."""
    n = context.sizes["n"]
    chosen = config.replace(
        presets.get(changes["preset"]),
        context.sizes["common"]
        | {key: value for key, value in changes.items() if key != "preset"}
        | {"seed": context.seed},
    )
    dataset = data.load(chosen.data)
    real, other = (dataset.examples(split, np.arange(n))[0] for split in ("test", "validation"))
    game = make_game(chosen, dataset, devices=1)
    z = jax.random.normal(jax.random.key(2**31), (n, chosen.latent_dim))

    @jax.jit
    def look(state):
        fake = game.generator.apply(state.generator, z)
        score = lambda x: game.critic.apply(state.critic, x)  # noqa: E731
        slope = jax.grad(lambda x: jnp.sum(score(x)))(fake)
        return fake, score(jnp.asarray(real)), score(fake), slope

    curve = {key: [] for key in ("step", "w1", "critic", "generator", "share")}

    def measure(step, state):
        fake, real_scores, fake_scores, gradients = map(np.asarray, look(state))
        found = referee.certify(real, [fake], real_scores, [fake_scores], [gradients])
        real_scores, fake_scores = real_scores.astype(float), fake_scores.astype(float)
        highest = max(real_scores.max(), fake_scores.max())
        curve["step"].append(step)
        curve["w1"].append(found.w1)
        curve["critic"].append(found.duality_gap)
        curve["generator"].append(float(highest - fake_scores.mean()) / found.lipschitz)
        curve["share"].append(found.share)

    measure(0, game.state)
    every = context.sizes["every"]
    for pause in advance(
        game.chunk, game.state, game.hyper, game.feed, end=chosen.steps, cadences=[every]
    ):
        measure(pause.step, pause.state)
    return {
        "steps": chosen.steps,
        "width": chosen.critic.width,
        "floor": wasserstein(real, other),
        "curve": curve,
    }


def _draw(path: str, runs) -> None:
    figure, every = drawing.panels(len(runs), min(len(runs), 3), 3.4, 2.9)
    for axes, run in zip(every, runs, strict=True):
        curve = run["curve"]
        total = np.add(curve["critic"], curve["generator"])
        axes.plot(curve["step"], curve["w1"], color="C0", label="exact W1")
        axes.axhline(run["floor"], color="C0", linestyle="--", linewidth=0.9, label="its floor")
        axes.plot(curve["step"], curve["critic"], color="C1", label="critic's half of the gap")
        axes.plot(curve["step"], curve["generator"], color="C2", label="generator's half")
        axes.plot(curve["step"], total, color="k", linewidth=0.8, label="duality gap")
        axes.set(yscale="log", xlabel="generator step")
        axes.set_title(run["name"], fontsize=9)
        axes.grid(alpha=0.25, linewidth=0.6)
    every[0].legend(fontsize=6)
    every[0].set(ylabel="units of the data")
    drawing.save(figure, path)


def story(numbers: dict) -> list:
    """Templates of the part."""
    rows = tuple(
        (
            row["name"],
            f"{{rows[{k}][first_w1]:.3f}} → {{rows[{k}][last_w1]:.3f}}",
            f"{{rows[{k}][floor]:.3f}}",
            f"{{rows[{k}][first_critic]:.3f}} → {{rows[{k}][last_critic]:.3f}}",
            f"{{rows[{k}][first_generator]:.3f}} → {{rows[{k}][last_generator]:.3f}}",
            f"{{rows[{k}][last_share]:.2f}}",
        )
        for k, row in enumerate(numbers["rows"])
    )
    return [
        "Training with a gradient penalty plays a game whose payoff is the difference of the "
        "critic's mean scores. A perfect critic would make it exactly W1, so exact transport tells "
        "at any moment what the critic leaves on the table. On a probe of {n} real and {n} "
        "generated points the game is finite and its duality gap is exact: what a perfect critic "
        "would gain over this one (scaled to slope 1), and what a generator would gain that puts "
        "everything on the point with the highest score.",
        Picture(
            "curves",
            "Networks of width {width}, {steps:,} generator steps, measured {evaluations} times.",
        ),
        Grid(
            (
                "run",
                "exact W1",
                "floor",
                "critic's half",
                "generator's half",
                "certified share at the end",
            ),
            rows,
        ),
        "Neither half ever fell below {lowest_half:.3f}: the certified share of W1 that a critic "
        "reached was at most {best_share:.2f}. The halves fall with W1 itself, since a small W1 "
        "leaves little to gain for anyone; that they stay above zero is what theory says of "
        "finitely many critic steps.",
    ]


COMMON = {
    "steps": 1500,
    "generator.width": 64,
    "critic.width": 64,
    "generator_learning_rate": 5e-4,
    "critic_learning_rate": 5e-4,
}

PART = Part(
    name="gap",
    title="3. The duality gap of training, exactly",
    sizes={
        "n": 512,
        "every": 50,
        "common": COMMON,
        "runs": {
            "8 Gaussians, 5 critic steps": {"preset": "gaussians8"},
            "8 Gaussians, 1 critic step": {"preset": "gaussians8", "n_critic": 1},
            "8 Gaussians, penalty of weight 10": {"preset": "gaussians8", "penalty_weight": 10.0},
            "25 Gaussians": {"preset": "gaussians25"},
            "Swiss roll": {"preset": "swiss_roll"},
        },
    },
    compute=compute,
    story=story,
)
