"""WGAN-GP in one file: two networks, one loss, one penalty, one loop. Read it from top to bottom.

    python -m experiments.wgan_gp --output digits.png

A generator g turns noise z into 8 x 8 digits. A critic f learns to score real digits above
generated ones: E f(real) - E f(fake), maximised over functions of slope at most 1, is the
Wasserstein-1 distance between the two distributions (Arjovsky et al. 2017). A penalty holds the
slope near 1 (Gulrajani et al. 2017, Algorithm 1). The generator then takes a step that lowers what
the critic measures. JAX and optax do it all. Nothing of this project's library is imported, and
given the same start the numbers are those of experiments.train to rounding
(tests/experiments/test_wgan_gp.py).

About 20 seconds on two idle CPU cores. Expect an estimate that falls from about 2 to about 0.6, and
digits that can be read. What is missing here is what the rest of the project is for: an exact
distance beside the critic's own estimate, held-out data, checkpoints and other networks.
"""

import sys
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import app, flags, logging

LATENT, WIDTH, DEPTH, BATCH, N_CRITIC = 32, 256, 3, 64, 2
PENALTY_WEIGHT, LEARNING_RATE, EMA_DECAY = 10.0, 5e-4, 0.999

ADAM = optax.adam(LEARNING_RATE, b1=0.0, b2=0.9)


class State(NamedTuple):
    """All that training changes: arrays only."""

    step: jax.Array
    generator: list
    average: list  # moving average of the generator's parameters, the one to sample from
    critic: list
    generator_optimizer: optax.OptState
    critic_optimizer: optax.OptState


# The two players: layers are pairs (kernel [i, o], bias [o]).


def layers(key, sizes):
    """Random layers of a fully connected network with these sizes, e.g. [32, 256, 64]."""
    keys = jax.random.split(key, len(sizes) - 1)
    pairs = zip(keys, sizes[:-1], sizes[1:], strict=True)
    return [(jax.random.normal(k, (i, o)) * (2 / i) ** 0.5, jnp.zeros(o)) for k, i, o in pairs]


def network(params, h):
    """[b, inputs] -> [b, outputs], ReLU between the layers."""
    *hidden, (kernel, bias) = params
    for k, b in hidden:
        h = jax.nn.relu(h @ k + b[None])
    return h @ kernel + bias[None]


def generate(params, z):
    """Latents [b, LATENT] -> images [b, 64] with pixels in [-1, 1]."""
    return jnp.tanh(network(params, z))


def score(params, x):
    """Images [b, 64] -> scores [b]."""
    return network(params, x)[:, 0]


# The two losses.


def critic_loss(params, real, fake, t):
    """E f(fake) - E f(real) + PENALTY_WEIGHT E (|grad f| - 1)^2, and the estimate of W1.

    The penalty is taken at random points between real and generated images, t [b, 1] in [0, 1].
    """
    between = t * real + (1 - t) * fake
    gradients = jax.vmap(jax.grad(lambda x: score(params, x[None])[0]))(between)
    slopes = jnp.sqrt(jnp.sum(gradients**2, axis=1))
    estimate = jnp.mean(score(params, real)) - jnp.mean(score(params, fake))
    return -estimate + PENALTY_WEIGHT * jnp.mean((slopes - 1) ** 2), estimate


def generator_loss(params, critic, z):
    """- E f(g(z)): the part of the distance that the generator can change."""
    return -jnp.mean(score(critic, generate(params, z)))


# One round: N_CRITIC critic steps, then one generator step.


@partial(jax.jit, donate_argnums=0)
def play(state, run_key, images):
    """One round on images [n, 64]: (state, mean estimate of W1 of its critic steps)."""
    # One key per purpose; a batch is a function of (seed, step), so a run can be cut anywhere.
    streams = jax.random.split(jax.random.fold_in(run_key, state.step), 6)
    rows, latents, between = (jax.random.split(k, N_CRITIC) for k in streams[:3])

    def critic_step(carry, keys):
        critic, moments = carry
        row_key, latent_key, t_key = keys
        row_key, _ = jax.random.split(row_key)
        real = images[jax.random.randint(row_key, (BATCH,), 0, len(images), jnp.int32)]
        fake = generate(state.generator, jax.random.normal(latent_key, (BATCH, LATENT)))
        t = jax.random.uniform(t_key, (BATCH, 1))
        gradients, estimate = jax.grad(critic_loss, has_aux=True)(critic, real, fake, t)
        updates, moments = ADAM.update(gradients, moments)
        return (optax.apply_updates(critic, updates), moments), estimate

    carry = state.critic, state.critic_optimizer
    (critic, critic_optimizer), estimates = jax.lax.scan(
        critic_step, carry, (rows, latents, between)
    )

    z = jax.random.normal(streams[5], (BATCH, LATENT))
    gradients = jax.grad(generator_loss)(state.generator, critic, z)
    updates, generator_optimizer = ADAM.update(gradients, state.generator_optimizer)
    generator = optax.apply_updates(state.generator, updates)
    decay = jnp.minimum(EMA_DECAY, (1 + state.step) / (10 + state.step))
    average = jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, state.average, generator)
    state = State(state.step + 1, generator, average, critic, generator_optimizer, critic_optimizer)
    return state, jnp.mean(estimates)


def start(generator, critic):
    """The state before the first round."""
    copy = jax.tree.map(jnp.copy, generator)
    return State(jnp.int32(0), generator, copy, critic, ADAM.init(generator), ADAM.init(critic))


def main(argv):
    """Train on scikit-learn's digits, print the estimate, write 100 generated digits."""
    if argv[1:]:
        print(f"error: unexpected arguments: {' '.join(argv[1:])}", file=sys.stderr)
        sys.exit(2)
    logging.set_verbosity(logging.WARNING)
    from PIL import Image
    from sklearn.datasets import load_digits

    images = jnp.asarray(load_digits().data, jnp.float32) / 8 - 1
    generator_key, critic_key, run_key = jax.random.split(jax.random.key(flags.FLAGS.seed), 3)
    hidden = [WIDTH] * DEPTH
    generator = layers(generator_key, [LATENT, *hidden, images.shape[1]])
    state = start(generator, layers(critic_key, [images.shape[1], *hidden, 1]))
    for step in range(1, flags.FLAGS.steps + 1):
        state, estimate = play(state, run_key, images)
        if step % 250 == 0 or step == flags.FLAGS.steps:
            print(f"step {step}: the critic's estimate of W1 is {estimate:.3f}")

    z = jax.random.normal(jax.random.key(1), (100, LATENT))
    digits = np.asarray(generate(state.average, z)).reshape(10, 10, 8, 8)
    framed = np.pad(digits, [(0, 0), (0, 0), (1, 1), (1, 1)], constant_values=-1)
    grid = framed.swapaxes(1, 2).reshape(100, 100)
    picture = Image.fromarray(np.uint8(np.round((grid + 1) * 127.5)))
    picture.resize((600, 600), Image.Resampling.BICUBIC).save(flags.FLAGS.output)


def parse(argv):
    """The arguments that are no flags; a mistake ends with status 2, as in every command here."""
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    flags.DEFINE_integer("seed", 0, "Of the parameters and of all draws.", 0, 2**31 - 1)
    flags.DEFINE_integer("steps", 3000, "Rounds of two critic steps and one generator step.", 1)
    flags.DEFINE_string("output", "digits.png", "Picture of 100 generated digits.")
    app.run(main, flags_parser=parse)
