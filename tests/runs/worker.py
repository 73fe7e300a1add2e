"""What the tests run in other processes: python -m tests.runs.worker ACTION WORKDIR ..."""

import sys
import time
from pathlib import Path

from gan import runs
from gan.config import Config
from gan.errors import GanError


def config(keep: int = 3) -> Config:
    return Config(steps=100, keep_checkpoints=keep)


def hold(workdir: str) -> None:
    """Writes until its stdin closes."""
    from tests.runs.states import state

    with runs.open(workdir, config()) as run:
        print("ready", flush=True)
        sys.stdin.read()
        run.checkpoints.save(10, state(10))
        run.log({"step": 10})


def intrude(workdir: str) -> None:
    """Prints how long it took to be refused, and the message."""
    started = time.monotonic()
    try:
        with runs.open(workdir, config()):
            print("opened")
    except GanError as error:
        print(time.monotonic() - started, "jax" in sys.modules, error, sep="\n")
        sys.exit(error.status)


def save_for_ever(workdir: str, keep: str) -> None:
    """Logs, saves and says so, from the newest step on."""
    from tests.runs.states import state

    with runs.open(workdir, config(int(keep))) as run:
        step = max(run.checkpoints.steps(), default=0)
        while True:
            step += 1
            run.log({"step": step, "w1": step / 3})
            run.checkpoints.save(step, state(step), score=step)
            print("saved", flush=True)


def mirrored(workdir: str, logger: str, step: str, last: str) -> None:
    """Goes on after `step` with the log and a mirror of it up to `last`, then waits for an end."""
    from gan.config import flatten
    from gan.registries import LOGGERS
    from gan.runs import metrics
    from gan.runs.loggers import Start

    log = Path(workdir, "metrics.jsonl")
    metrics.trim(log, int(step))
    start = Start(log.parent, flatten(config()), int(step), metrics.read(log))
    with LOGGERS.get(logger).open(start) as write:
        for number in range(int(step) + 1, int(last) + 1):
            record = {"step": number, "w1": number / 3, "slopes/median": number * 1e-9}
            metrics.append(log, record)
            write(record)
        print("written", flush=True)
        sys.stdin.read()


def one_of_two(workdir: str, index: str, port: str) -> None:
    """Saves, restores and fails together with another process.

    Writes what it saw to WORKDIR.said.INDEX: what connects the processes prints, too.
    """
    import jax
    import numpy as np

    address = f"127.0.0.1:{port}"
    jax.distributed.initialize(address, 2, int(index), coordinator_bind_address=address)
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())

    def replicated(values):
        array = np.asarray(values)
        return jax.make_array_from_callback(array.shape, sharding, lambda part: array[part])

    def state(step):
        key = jax.random.wrap_key_data(replicated(np.array([step, 1], np.uint32)))
        return {"w": replicated(np.arange(5, dtype=np.float32) + step), "key": key}

    def message(action):
        try:
            action()
        except GanError as error:
            return f"{type(error).__name__} {error}"
        return "no error"

    said = []
    with runs.open(workdir, config()) as run:
        for step in range(1, 6):
            run.checkpoints.save(step, state(step), score=(step - 1) ** 2)
            run.log({"step": step, "w1": 1.0})
        if int(index) == 0:
            (run.checkpoints.path / "5" / "_METADATA").write_bytes(b"")
        step, restored = run.checkpoints.restore(state(0))
        assert restored["w"].sharding == sharding and restored["key"].sharding == sharding
        said.append(f"{step} {runs.tree_hash(restored) == runs.tree_hash(state(4))}")
        nan = {"w": replicated(np.array([np.nan]))}
        said.append(message(lambda: run.checkpoints.save(9, nan)))
        said.append(message(lambda: run.checkpoints.restore(state(0), step=77)))
        said.append(message(lambda: run.checkpoints.restore({"w": state(0)["w"]})))
        said.append(f"{run.checkpoints.steps()} {len(run.metrics())}")
    Path(f"{workdir}.said.{index}").write_text("\n".join(said))


if __name__ == "__main__":
    actions = {
        "hold": hold,
        "intrude": intrude,
        "save_for_ever": save_for_ever,
        "mirrored": mirrored,
        "one_of_two": one_of_two,
    }
    actions[sys.argv[1]](*sys.argv[2:])
