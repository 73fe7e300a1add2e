"""Run directories in a second: what is in them was drawn, not trained."""

import jax

from gan import data, networks, runs


def drawn(folder, config, steps=(1, 2)):
    """The directory of a run whose checkpoints hold a generator only, each drawn by itself."""
    dataset = data.load(config.data)
    generator, _ = networks.players(config, dataset.shape, dataset.class_names)
    with runs.open(folder, config) as run:
        run.record_data(data.describe(dataset))
        for step in steps:
            params = jax.jit(generator.init)(jax.random.key(step))
            run.checkpoints.save(step, {"average": params})
    return str(folder)
