"""Where the time of a start, a step, a run and a compilation goes."""

from __future__ import annotations

import operator
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from gan import config, data, files, networks, outputs, presets, runs, training
from gan.benchmarks import workloads
from gan.config import Config
from gan.errors import GanError
from gan.objectives import penalties
from gan.referee.probe import Probe
from gan.registries import OPTIMIZERS
from gan.reports import pictures
from gan.runner.pauses import cadences as all_cadences
from gan.runs import environment
from gan.scores.evaluation import Validation
from gan.training.keys import round_keys

PLAYS = {"digits": lambda: presets.get("digits"), "dcgan28": lambda: workloads.of("dcgan28")}
"""Whose step is taken apart."""
CERTIFICATE = "certificate of the critic, a part of the evaluation"


def start_up(cold: int = 3, warm: int = 5, flags: tuple[str, ...] = ()) -> dict:
    """Seconds of `experiments.train` on the digits preset, with an empty and with a full cache.

    Returns:
        {"help", "cold", "warm"}: lists of seconds of --help; of [data and players ready, compiled,
        first step logged] with a fresh cache each, and with one cache kept.
    """
    found: dict[str, list] = {"help": [], "cold": [], "warm": []}
    for _ in range(warm):
        start = time.perf_counter()
        subprocess.run([*_TRAIN, "--help"], check=True, stdout=subprocess.DEVNULL)
        found["help"].append(time.perf_counter() - start)
    for _ in range(cold):
        with tempfile.TemporaryDirectory() as cache:
            found["cold"].append(_first_step(cache, flags))
    with tempfile.TemporaryDirectory() as cache:
        _first_step(cache, flags)
        found["warm"] = [_first_step(cache, flags) for _ in range(warm)]
    return found


_TRAIN = [sys.executable, "-m", "experiments.train"]


def _first_step(cache: str, flags: tuple[str, ...]) -> list[float]:
    variables = os.environ | {"XDG_CACHE_HOME": cache}
    variables.pop("JAX_COMPILATION_CACHE_DIR", None)
    with tempfile.TemporaryDirectory() as workdir:
        command = [*_TRAIN, "--workdir", workdir, "--preset", "digits", "--log_every", "1", *flags]
        log, seconds = Path(workdir, "metrics.jsonl"), []
        start = time.perf_counter()
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=variables)
        try:
            for line in process.stderr:
                if "training examples" in line or "compiled in" in line:
                    seconds.append(time.perf_counter() - start)
                if len(seconds) == 2:
                    break
            while len(seconds) == 2:
                if process.poll() is not None:
                    raise GanError(f"{' '.join(command)} ended with status {process.returncode}")
                if log.exists() and log.stat().st_size:
                    seconds.append(time.perf_counter() - start)
                time.sleep(0.01)
        finally:
            process.kill()
            process.communicate()
    return seconds


def step(choice: Config, dataset, seconds: float = 2.0) -> dict[str, float]:
    """Milliseconds of one round, and of its pieces by themselves; "networks" is what is left."""
    game = training.make_game(choice, dataset, devices=1)
    state, (data, _) = game.state, game.feed.load(0)
    shape = (choice.batch_size, *dataset.shape)
    latents = (choice.batch_size, choice.latent_dim)
    gradients = jax.tree.map(jnp.ones_like, (state.generator, state.critic))

    def batches(i, total):
        keys = round_keys(state.key, i, choice.n_critic).critic.batch
        return total + sum(jnp.sum(game.feed.batch(data, i, k, key)) for k, key in enumerate(keys))

    def draws(i, total):
        keys = round_keys(state.key, i, choice.n_critic)
        one, zero = jnp.ones(shape), jnp.zeros(shape)
        for k in range(choice.n_critic):
            step = jax.tree.map(operator.itemgetter(k), keys.critic)
            total += jnp.sum(jax.random.normal(step.latent, latents))
            total += jnp.sum(penalties.interpolates(one, zero, step.penalty))
            if choice.instance_noise:
                total += jnp.sum(jax.random.normal(step.real_noise, shape))
                total += jnp.sum(jax.random.normal(step.fake_noise, shape))
        return total + jnp.sum(jax.random.normal(keys.generator.latent, latents))

    def adam(i, carry):
        generator, critic, of_generator, of_critic = carry
        rate, step = jnp.float32(1e-4), OPTIMIZERS.get(choice.optimizer).step
        for _ in range(choice.n_critic):
            critic, of_critic = step(critic, gradients[1], of_critic, game.hyper, rate)
        found = step(generator, gradients[0], of_generator, game.hyper, rate)
        return found[0], critic, found[1], of_critic

    def average(i, mean):
        return jax.tree.map(lambda a, p: 0.999 * a + 0.001 * p, mean, state.generator)

    moments = state.generator_optimizer, state.critic_optimizer
    found = {
        "batches": _per_turn(batches, jnp.float32(0), seconds),
        "random numbers": _per_turn(draws, jnp.float32(0), seconds),
        "Adam": _per_turn(adam, (state.generator, state.critic, *moments), seconds),
        "moving average": _per_turn(average, state.average, seconds),
    }
    state, _ = game.chunk(state, game.hyper, data, np.int32(1))
    start, rounds = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        rounds += 5
        state, metrics = game.chunk(state, game.hyper, data, np.int32(1 + rounds))
        jax.block_until_ready(metrics)
    whole = 1000 * (time.perf_counter() - start) / rounds
    stop = np.int32(1 + rounds)
    start = time.perf_counter()
    for _ in range(20):
        state, metrics = game.chunk(state, game.hyper, data, stop)
        jax.block_until_ready(metrics)
    call = 1000 * (time.perf_counter() - start) / 20
    return {"round": whole, **found, "networks": whole - sum(found.values()), "empty call": call}


def _per_turn(body: Callable, start, seconds: float) -> float:
    """Milliseconds of one turn of a jitted loop."""
    loop = jax.jit(lambda turns, start: jax.lax.fori_loop(0, turns, body, start))
    jax.block_until_ready(loop(1, start))
    turns, spent = 1, 0.0
    while spent < seconds / 4:
        turns *= 2
        begin = time.perf_counter()
        jax.block_until_ready(loop(turns, start))
        spent = time.perf_counter() - begin
    return 1000 * spent / turns


def pauses(choice: Config, dataset, repeats: int = 5, rounds: int = 0) -> dict[str, list[float]]:
    """[milliseconds, times in a whole run] of what the host does between rounds, medians.

    The critic's certificate, with the generated sets and exact W1 that it rests on, is a part of
    the evaluation. The players have been trained for that many rounds.
    """
    game = training.make_game(choice, dataset, devices=1)
    state, _ = game.chunk(game.state, game.hyper, game.feed.load(0)[0], np.int32(rounds))
    scorer = Validation(choice, dataset, game.generator, game.critic)
    metrics = dict.fromkeys(("critic_loss", "generator_loss", "penalty", "w1_estimate_batch"), 1.0)
    with tempfile.TemporaryDirectory() as workdir, runs.open(workdir, choice) as run:
        path, look = run.path, (game.generator, state.average)
        players = jax.device_get((state.average, state.critic))
        actions = {
            "line of the log": lambda i: run.log({"step": i, **metrics}),
            "evaluation": lambda i: scorer(*players),
            "picture": lambda i: pictures.save_samples(path, choice, dataset, *look, i),
            "checkpoint": lambda i: run.checkpoints.save(i, state),
        }
        probe = Probe.of(choice, dataset, game.generator, game.critic, "validation")
        actions[CERTIFICATE] = lambda i: probe.look(*players).certificate
        cadences = *all_cadences(choice), choice.evaluate_every
        found = {}
        for (name, action), cadence in zip(actions.items(), cadences, strict=True):
            action(1)  # compiles
            taken = []
            for i in range(2, 2 + repeats):
                start = time.perf_counter()
                action(i)
                taken.append(1000 * (time.perf_counter() - start))
            found[name] = [statistics.median(taken), -(-choice.steps // cadence)]
    return found


def compilation(depths: tuple[int, ...] = (4, 20)) -> dict[str, list[float]]:
    """[seconds to trace, seconds to compile] a table1 member of each depth on 32 x 32 x 3."""
    found = {}
    for depth in depths:
        player = config.Network(name="table1", width=32, depth=depth)
        choice = Config(data=config.Data(name="noise32"), generator=player, critic=player)
        game = training.make_game(choice, workloads.dataset(choice), devices=1)
        start = time.perf_counter()
        arguments = game.state, game.hyper, game.feed.load(0)[0], np.int32(0)
        lowered = game.chunk.lower(*arguments)
        middle = time.perf_counter()
        lowered.compile()
        found[str(depth)] = [middle - start, time.perf_counter() - middle]
        count = networks.parameter_count((game.state.generator, game.state.critic))
        found[str(depth)].append(count)
    return found


def run(workdir: str) -> dict:
    """Measure what the directory does not hold yet, and write both pages."""
    folder = Path(workdir)
    outputs.folder(folder)
    kept = folder / "accounting.json"
    found = files.read_json(kept) if kept.exists() else {}

    def measure(name: str, action: Callable[[], dict]) -> None:
        if name not in found:
            print(f"measuring {name}", file=sys.stderr, flush=True)
            found[name] = action()
            files.write_json(kept, found)

    measure("start_up", start_up)
    for name, choice in PLAYS.items():
        measure(f"step of {name}", lambda make=choice: step(make(), workloads.dataset(make())))
    digits = PLAYS["digits"]()
    measure("pauses", lambda: pauses(digits, workloads.dataset(digits)))
    jax.config.update("jax_enable_compilation_cache", False)
    measure("compilation", compilation)
    measure("when", _when)
    files.write_atomically(folder / "start_up.md", start_up_page(found))
    files.write_atomically(folder / "accounting.md", steps_page(found, digits))
    return found


def start_up_page(found: dict) -> str:
    """What a user waits for before the first step, as markdown."""
    part = found["start_up"]
    rows = [("`--help`", _range(part["help"]), "", "")]
    for name, title in (("cold", "empty cache"), ("warm", "full cache")):
        ready, compiled, first = zip(*part[name], strict=True)
        rows.append((title, _range(ready), _range(compiled), _range(first)))
    return _page(
        "Before the first step",
        found,
        "Seconds from the command `experiments.train --preset digits` to data and players, to the "
        "compiled round, and to the first step in the log: median (least to most) of "
        f"{len(part['cold'])} cold and {len(part['warm'])} warm starts; every start is a new "
        "process. The cache holds compiled programs in a folder of the user alone (mode 0700).",
    ) + _table(("", "ready", "compiled", "first step"), rows)


def steps_page(found: dict, choice: Config) -> str:
    """Where the time of a step, of a run and of compilation goes, as markdown."""
    steps = {name: found[f"step of {name}"] for name in PLAYS}
    pieces = [name for name in steps["digits"] if name != "round"]
    rows = [("round", *(f"{part['round']:.3g}" for part in steps.values()))]
    for piece in pieces:
        shares = (f"{p[piece]:.3g} ({100 * p[piece] / p['round']:.1f} %)" for p in steps.values())
        rows.append((piece, *shares))
    page = _page(
        "Where the time of a step goes",
        found,
        "Milliseconds of one round (all critic steps and the generator step) in the compiled loop, "
        "and of its pieces by themselves, which are upper bounds; networks and penalty are what is "
        f"left. An empty call is what the host adds per chunk of {training.CHUNK_SECONDS:g} s, not "
        "per round. "
        "Donated states need no copy; nothing is compiled twice (tested).",
    ) + _table(("", *steps), rows)
    page += f"\nA whole run of the preset digits, {choice.steps} steps:\n\n"
    page += _whole(choice.steps, steps["digits"]["round"], found["pauses"])
    page += (
        "\nCompiling a member of `table1` (32 x 32 x 3, 32 base filters, batch 64), no cache:\n\n"
    )
    page += "| layers | parameters of both | trace, s | compile, s |\n|---|---|---|---|\n"
    for depth, (trace, compiled, count) in found["compilation"].items():
        page += f"| {depth} | {count:,} | {trace:.1f} | {compiled:.1f} |\n"
    return page


def whole_run(name: str, workdir: str, rounds: int = 100) -> str:
    """Where the time of a whole run of a preset goes, as markdown, also written to NAME.md.

    Raises:
        UserError: for an unknown preset or missing data.
    """
    choice = presets.get(name)
    outputs.folder(workdir)
    dataset = data.load(choice.data)
    found = {"when": _when(), "pauses": pauses(choice, dataset, 5, rounds)}
    each = step(choice, dataset, seconds=10)["round"]
    text = (
        f"A whole run of {choice.steps} steps. Milliseconds of one step (mean over 10 s of the "
        f"compiled loop) and of what happens between steps (median of 5, players trained for "
        f"{rounds} steps); the evaluation compares {max(2, choice.evaluation_repeats)} generated "
        f"sets of {choice.evaluation_size}."
    )
    page = _page(name, found, text, f" --preset {name}")
    page += "\n" + _whole(choice.steps, each, found["pauses"])
    files.write_atomically(Path(workdir, f"{name}.md"), page)
    return page


def _whole(steps: int, each: float, pauses: dict[str, list[float]]) -> str:
    total = steps * each / 1000
    page = "| | ms each | times | seconds | of the steps' |\n|---|---|---|---|---|\n"
    page += f"| steps | {each:.3g} | {steps} | {total:.3g} | |\n"
    for name, (each, times) in pauses.items():
        spent = each * times / 1000
        page += f"| {name} | {each:.3g} | {times} | {spent:.2g} | {100 * spent / total:.1f} % |\n"
    return page


def _when() -> dict:
    where = {"cores": os.cpu_count(), "machine": environment.processor()}
    return {"date": time.strftime("%Y-%m-%d")} | where


def _page(title: str, found: dict, text: str, flags: str = "") -> str:
    when = found["when"]
    command = f"python -m experiments.accounting{flags} --workdir DIR"
    lines = [f"# {title}", "", "```sh", command, "```", ""]
    where = f"{when['cores']} CPU cores of {when['machine']}"
    lines += [f"{when['date']}, {where}, jax {jax.__version__}, seed 0. {text}"]
    return "\n".join(lines) + "\n"


def _table(columns: tuple, rows: list[tuple]) -> str:
    lines = ["", f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def _range(values) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
