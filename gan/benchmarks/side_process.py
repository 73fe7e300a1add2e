"""Runs one side of the benchmark in a process of its own, on command, so that sides can take turns.

    python -m gan.benchmarks.side_process SIDE WORKLOAD CHANGES FULL DEVICES CORE [CORE ...]

CHANGES is a JSON object of config fields; FULL is 1 where no product may be rounded, else 0.

Our sides divide the CPU into DEVICES and split every batch, or the members of a population, over
them. It reads one JSON command a line and answers each with one JSON line:

- {"run": seconds}: train for about that long; {"iterations": k, "seconds": s}.
- {"first_losses": path}: one iteration from the start, whose losses are the answer. Ours writes
  weights and random inputs to `path` first; the peer takes them from there.
- {"peak": size}: GFLOP/s of the best of twenty products of two matrices of that size (ours only).
- {"memory": null}: {"bytes": b}, the peak of the process.

The first line comes unasked: how long start and compilation took.
"""

import dataclasses
import json
import os
import signal
import sys
import tempfile
import threading
import time

from gan import files
from gan.benchmarks import workloads
from gan.config import Config
from gan.networks import convolution
from gan.transport import memory

PEAK_SIZE = 2048
"""Sides of the matrices whose product is taken for what the machine can do."""


class Ours:
    """The shipped training path: make_game and the loop that experiments.train runs."""

    def __init__(self, choice: Config, devices: int = 1):
        import numpy as np

        from gan import training

        self.choice, self.devices = choice, devices
        self.dataset = workloads.dataset(choice)
        self.game = game = training.make_game(choice, self.dataset, devices)
        self.state = game.state
        data, _ = game.feed.load(0)
        start = time.perf_counter()
        self.chunk = game.chunk.lower(self.state, game.hyper, data, np.int32(0)).compile()
        shape = self.dataset.shape
        self.about = {
            "compile_seconds": time.perf_counter() - start,
            "gflop_per_iteration": workloads.gflop(choice, game.generator, game.critic, shape),
            "devices": game.mesh.size,
            "device": game.mesh.devices.flat[0].device_kind,
        }

    def run(self, seconds: float) -> dict:
        """Rounds for about `seconds`, through the loop of experiments.train."""
        from gan import training

        start = time.perf_counter()
        first = int(self.state.step)
        pauses = training.advance(
            self.chunk,
            self.state,
            self.game.hyper,
            self.game.feed,
            end=self.choice.steps,
            cadences=(self.choice.steps,),
            stopping=lambda: time.perf_counter() - start >= seconds,
            chunk_seconds=min(training.CHUNK_SECONDS, seconds / 4),
        )
        for pause in pauses:
            self.state = pause.state
        return {"iterations": int(self.state.step) - first, "seconds": time.perf_counter() - start}

    def first_losses(self, path: str) -> dict:
        """Metrics of the first round; its weights and random inputs go to `path`."""
        import jax
        import jax.numpy as jnp
        import numpy as np

        from gan.objectives.penalties import interpolates
        from gan.training.keys import round_keys

        choice, game, state = self.choice, self.game, self.state
        data, _ = game.feed.load(0)
        keys, last = round_keys(state.key, state.step, choice.n_critic)
        latents = (choice.batch_size, choice.latent_dim)
        ones = jnp.ones((choice.batch_size, *self.dataset.shape))
        arrays = {}
        for i in range(choice.n_critic):
            arrays[f"real {i}"] = game.feed.batch(data, state.step, i, keys.batch[i])
            arrays[f"z {i}"] = jax.random.normal(keys.latent[i], latents)
            t = interpolates(ones, jnp.zeros_like(ones), keys.penalty[i])
            arrays[f"t {i}"] = t.reshape(len(t), -1)[:, 0]
        arrays["z"] = jax.random.normal(last.latent, latents)
        for player in ("generator", "critic"):
            leaves, _ = jax.tree_util.tree_flatten_with_path(getattr(state, player))
            for where, leaf in leaves:
                arrays["/".join([player, *(part.key for part in where)])] = leaf
        with files.replacing(path) as file:
            np.savez(file, **{name: np.asarray(value) for name, value in arrays.items()})
        chunk = self.chunk
        if game.mesh.devices.flat[0].platform != "cpu" or choice.precision != "float32":
            chunk = self._in_full()
        self.state, metrics = chunk(state, game.hyper, data, np.int32(1))
        return {name: float(value) for name, value in metrics.items()}

    def _in_full(self):
        """The chunk in float32 whose products are not rounded, so that sides can be compared."""
        import jax
        import numpy as np

        from gan import training

        choice = dataclasses.replace(self.choice, precision="float32")
        game = training.make_game(choice, self.dataset, self.devices)
        data, _ = game.feed.load(0)
        with jax.default_matmul_precision("highest"):
            return game.chunk.lower(game.state, game.hyper, data, np.int32(0)).compile()

    def peak(self, size: int) -> dict:
        """See `matrix_peak`."""
        return {"gflops": matrix_peak(size)}


class Train:
    """experiments.train itself, in a thread that trains in its turns only.

    Its iterations bear everything that the command does between them: the log, evaluations,
    pictures and checkpoints, in a run directory that is deleted at the end. The fixed random pixels
    stand in for a data set.
    """

    def __init__(self, choice: Config, devices: int = 1):
        from gan.signals import Interrupt

        self.devices = devices
        self.choice, self.interrupt = choice, Interrupt()
        self.dataset = workloads.dataset(choice)
        self.turn, self.rest = threading.Event(), threading.Event()
        self.step, self.until, self.metrics, self.error = 0, 0.0, {}, None
        self.thread = threading.Thread(target=self._train, daemon=True)
        self.thread.start()
        self._wait()
        self.about = {"devices": devices}

    def run(self, seconds: float) -> dict:
        """The command goes on for about `seconds`."""
        start, first = time.perf_counter(), self.step
        self.until = start + seconds
        self.turn.set()
        self._wait()
        return {"iterations": self.step - first, "seconds": time.perf_counter() - start}

    def first_losses(self, path: str) -> dict:
        """Metrics of the first round, which has its weights and inputs from the same seed."""
        del path
        return self.metrics

    def close(self) -> None:
        """Ends the command as a signal does, and deletes its run directory."""
        self.interrupt.signal = signal.SIGTERM
        self.turn.set()
        self.thread.join()

    def _train(self) -> None:
        from gan import runner

        try:
            with tempfile.TemporaryDirectory() as folder:
                runner.train(
                    self.choice,
                    folder,
                    dataset=self.dataset,
                    devices=self.devices,
                    interrupt=self.interrupt,
                    progress=self._progress,
                )
        except Exception as error:
            self.error = error
        finally:
            self.rest.set()

    def _progress(self, step: int, metrics: dict[str, float]) -> None:
        self.step = step
        self.metrics = self.metrics or dict(metrics)
        if time.perf_counter() >= self.until:
            self.turn.clear()
            self.rest.set()
            self.turn.wait()

    def _wait(self) -> None:
        self.rest.wait()
        self.rest.clear()
        if self.error:
            raise self.error


class Together:
    """Configs of one shape as one population; an iteration is one of one member."""

    def __init__(self, members: list[Config], vectorized: bool | None, devices: int = 1):
        from gan import training

        self.choice = choice = members[0]
        dataset = workloads.dataset(choice)
        population = training.make_population(members, dataset, devices, vectorized)
        self.population = population
        self.state = population.state
        start = time.perf_counter()
        self.chunk = population.chunk.lower(*self._arguments(0)).compile()
        players = population.generator, population.critic
        self.about = {
            "compile_seconds": time.perf_counter() - start,
            "gflop_per_iteration": workloads.gflop(choice, *players, dataset.shape),
            "devices": population.mesh.size,
            "device": population.mesh.devices.flat[0].device_kind,
        }

    def run(self, seconds: float) -> dict:
        """Rounds of every member for about `seconds`, through the loop of populations."""
        from gan import training

        start, first = time.perf_counter(), int(self.state.step.sum())
        end = self.population.configs[0].steps
        pauses = training.advance(
            self.chunk,
            self.state,
            self.population.hyper,
            self.population.feed,
            end=end,
            cadences=(end,),
            stopping=lambda: time.perf_counter() - start >= seconds,
            chunk_seconds=min(training.CHUNK_SECONDS, seconds / 4),
        )
        for pause in pauses:
            self.state = pause.state
        done = int(self.state.step.sum()) - first
        return {"iterations": done, "seconds": time.perf_counter() - start}

    def first_losses(self, path: str) -> dict:
        """Metrics of member 0's first round; its weights and random inputs go to `path`."""
        Ours(self.choice).first_losses(path)
        self.state, metrics = self.chunk(*self._arguments(1))
        return {name: float(values[0]) for name, values in metrics.items()}

    def peak(self, size: int) -> dict:
        """See `matrix_peak`."""
        return {"gflops": matrix_peak(size)}

    def _arguments(self, stop: int):
        import numpy as np

        data, _ = self.population.feed.load(0)
        stops = np.full(len(self.population.configs), stop, np.int32)
        return self.state, self.population.hyper, data, stops


def matrix_peak(size: int) -> float:
    """GFLOP/s of the best of twenty float32 products of two matrices [size, size]."""
    import jax

    x = jax.random.normal(jax.random.key(0), (size, size))
    product = jax.jit(lambda a, b: a @ b)
    product(x, x).block_until_ready()
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        product(x, x).block_until_ready()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def serve(side, lines, write) -> None:
    """Answers commands until the lines end."""
    write(side.about | {"start_seconds": time.perf_counter() - BEGIN})
    for line in lines:
        ((command, argument),) = json.loads(line).items()
        if command == "memory":
            write({"bytes": memory.peak()})
        else:
            write(getattr(side, command)(argument))


def side_of(side: str, workload: str, changes: dict, full: bool, devices: int):
    """The side of that name, started."""
    choice = workloads.of(workload, changes)
    if side not in ("ours", "vectorized", "solo", "train", *convolution.FORMS):
        from gan.benchmarks.torch_twin import Torch

        return Torch(side, choice, full)
    import jax

    from gan import training

    if full:
        jax.config.update("jax_default_matmul_precision", "highest")
    training.divide_cpu(devices)
    if workload in workloads.MEMBERS and side in ("ours", "vectorized"):
        members = workloads.members(workload, changes=changes)
        return Together(members, True if side == "vectorized" else None, devices)
    return Train(choice, devices) if side == "train" else Ours(choice, devices)


BEGIN = time.perf_counter()

if __name__ == "__main__":
    _, asked, name, changed, exact, count, *cores = sys.argv
    os.sched_setaffinity(0, map(int, cores))
    chosen = side_of(asked, name, json.loads(changed), exact == "1", int(count))
    serve(chosen, sys.stdin, lambda answer: print(json.dumps(answer), flush=True))
    if hasattr(chosen, "close"):
        chosen.close()
