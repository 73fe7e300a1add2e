"""What conditional players do with class and latent, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, networks
from gan.errors import UserError
from gan.networks.biggan import Attention
from tests.networks.test_architectures import CLASSES, LATENT, moved


def test_the_projection_critic_by_hand():
    f = networks.critic(config.Network(width=5, depth=1), (2,), 3)
    params = {
        "Dense_0": {"kernel": jnp.eye(2, 5), "bias": jnp.zeros(5)},
        "Dense_1": {"kernel": jnp.array([[1.0], [10], [0], [0], [0]]), "bias": jnp.ones(1)},
        "Embedding_0": {"kernel": jnp.arange(15.0).reshape(3, 5)},
    }
    shapes = jax.tree.map(jnp.shape, f.init(jax.random.key(0)))
    assert shapes == jax.tree.map(jnp.shape, params)
    x = jnp.array([[2.0, 3.0], [2.0, -3.0]])
    # Hidden layers relu(x, 0, 0, 0): (2, 3) and (2, 0); rows 0 and 2 of the embedding.
    expected = [1 + 2 + 30 + (0 * 2 + 1 * 3), 1 + 2 + 0 + (10 * 2 + 11 * 0)]
    np.testing.assert_allclose(f.apply(params, x, jnp.array([0, 2])), expected, rtol=1e-6)


def test_every_chunk_of_the_latent_reaches_the_images():
    g = networks.generator(config.Network(name="biggan", width=4), 7, (28, 28, 1), CLASSES)
    params = jax.jit(lambda key: moved(g.init(key)))(jax.random.key(0))
    apply = jax.jit(lambda z: g.apply(params, z, jnp.zeros(8, jnp.int32)))
    outputs = np.asarray(apply(jnp.concatenate([jnp.zeros((1, 7)), jnp.eye(7)])))
    moves = np.abs(outputs[1:] - outputs[:1]).max(axis=(1, 2, 3))
    assert np.all(moves > 1e-4)


def test_attention_by_hand():
    """Two places of one channel; queries and keys of weight 1, so the softmax is over q_i k_j."""
    ones = {name: {"kernel": jnp.ones((1, 1))} for name in ("query", "key", "value", "out")}
    h = jnp.array([1.0, 3.0]).reshape(1, 1, 2, 1)
    after = Attention().apply({"params": {**ones, "weight": jnp.array(0.5)}}, h)
    odds = np.exp([[1, 3], [3, 9]])
    expected = [1, 3] + 0.5 * (odds / odds.sum(axis=1, keepdims=True)) @ [1, 3]
    np.testing.assert_allclose(after.ravel(), expected, rtol=1e-6)


def test_layer_norm_bounds_what_none_lets_grow():
    """Scaling the first dense layer scales a generator's hidden images unless they are normalised;
    the last layer is tanh, so the pixels saturate."""
    z, labels = jax.random.normal(jax.random.key(1), (2, LATENT)), jnp.array([0, 1])
    saturated = {}
    for normalization in ("none", "layer"):
        choice = config.Network(name="biggan", width=8, normalization=normalization)
        g = networks.generator(choice, LATENT, (8, 8, 1), CLASSES)
        params = jax.jit(g.init)(jax.random.key(0))
        params["Dense_0"]["kernel"] *= 1000
        images = np.abs(jax.jit(g.apply)(params, z, labels))
        saturated[normalization] = float(np.mean(images > 0.999))
    assert saturated["none"] > 0.9 and saturated["layer"] < 0.5


def test_a_latent_too_short_for_its_chunks_is_refused():
    with pytest.raises(UserError, match="latent_dim must be at least 3"):
        networks.generator(config.Network("biggan", 16), 2, (28, 28, 1), CLASSES).init(
            jax.random.key(0)
        )


def test_labels_where_none_are_taken_are_refused():
    with pytest.raises(UserError, match="cones takes no labels; conditional networks: .*mlp"):
        networks.critic(config.Network(name="cones"), (8, 8, 1), CLASSES)
    with pytest.raises(UserError, match="biggan needs labels; without them: .*mlp"):
        networks.critic(config.Network(name="biggan"), (8, 8, 1))
    with pytest.raises(UserError, match="did you mean 'mlp'"):
        networks.generator(config.Network(name="mpl"), LATENT, (8, 8, 1), CLASSES)
    with pytest.raises(UserError, match="conditional needs labelled data"):
        networks.players(config.Config(conditional=True), (2,), ["all"])
