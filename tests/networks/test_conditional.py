"""What every class-conditional player must do, and the projection by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, networks
from gan.errors import UserError
from gan.networks.biggan import Attention

LATENT = 16
CLASSES = 10
COUNTS = {
    ("mlp", (2,)): (140_706, 135_169),
    ("mlp", (8, 8, 1)): (156_640, 151_041),
    ("mlp", (28, 28, 1)): (341_680, 335_361),
    ("biggan", (8, 8, 1)): (7_370, 3_098),
    ("biggan", (28, 28, 1)): (37_754, 21_722),
    ("biggan", (32, 32, 3)): (108_652, 92_378),
    ("biggan", (64, 64, 3)): (408_636, 375_770),
}
"""Generator and critic parameters at latent 16 and 10 classes; width 256, depth 3 (mlp) and width
16 (others)."""


def spec(name):
    return config.Network(name=name, width=256 if name == "mlp" else 16, depth=3)


def moved(params, seed=1):
    """The parameters with noise, so that nothing is at a neutral initial value."""
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    noisy = [p + 0.1 * jax.random.normal(k, p.shape) for p, k in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(structure, noisy)


@functools.cache
def player(name, role):
    """(apply with fixed parameters, input [3, ...]) of a narrow player."""
    narrow, shape = config.Network(name=name, width=4, depth=3), (8, 8, 1)
    if role == "generator":
        network, size = networks.generator(narrow, LATENT, shape, CLASSES), (LATENT,)
    else:
        network, size = networks.critic(narrow, shape, CLASSES), shape
    params = jax.jit(lambda key: moved(network.init(key)))(jax.random.key(0))
    given = jax.random.normal(jax.random.key(1), (3, *size))
    return jax.jit(lambda x, y: network.apply(params, x, y)), given


def test_both_players_are_registered_under_the_same_names():
    assert set(networks.CONDITIONAL_GENERATORS) == set(networks.CONDITIONAL_CRITICS)
    assert {name for name, _ in COUNTS} == set(networks.CONDITIONAL_CRITICS)


@pytest.mark.parametrize(("name", "shape"), COUNTS)
def test_parameter_counts_are_pinned(name, shape):
    g = networks.generator(spec(name), LATENT, shape, CLASSES)
    f = networks.critic(spec(name), shape, CLASSES)
    key = jax.random.key(0)
    counts = tuple(networks.parameter_count(jax.eval_shape(n.init, key)) for n in (g, f))
    assert counts == COUNTS[name, shape]


@pytest.mark.parametrize("role", ["generator", "critic"])
@pytest.mark.parametrize("name", networks.CONDITIONAL_CRITICS)
def test_every_example_follows_its_own_label_and_no_other(name, role):
    apply, given = player(name, role)
    same = given[:1].repeat(3, axis=0)
    outputs = np.asarray(apply(same, jnp.array([0, 4, 9])))
    for i, j in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(outputs[i] - outputs[j]).max() > 1e-3
    first, second = (np.asarray(apply(given, jnp.array([3, k, 5]))) for k in (1, 2))
    assert np.abs(first[1] - second[1]).max() > 1e-3
    np.testing.assert_allclose(first[[0, 2]], second[[0, 2]], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("role", ["generator", "critic"])
@pytest.mark.parametrize("name", networks.CONDITIONAL_CRITICS)
def test_weights_lead_from_class_to_class(name, role):
    apply, given = player(name, role)
    labels = jnp.array([2, 7, 7])
    weights = jax.nn.one_hot(labels, CLASSES)
    ends = np.asarray(apply(given, labels))
    np.testing.assert_allclose(apply(given, weights), ends, rtol=1e-4, atol=1e-5)
    middle = np.asarray(apply(given, (weights + jax.nn.one_hot(0, CLASSES)[None]) / 2))
    assert np.abs(middle - ends).max() > 1e-3


@pytest.mark.parametrize(("name", "shape"), COUNTS)
def test_players_fit_the_data(name, shape):
    g = networks.generator(spec(name), LATENT, shape, CLASSES)
    f = networks.critic(spec(name), shape, CLASSES)

    def play(key):
        z = jax.random.normal(key, (2, LATENT))
        fake = g.apply(g.init(key), z, jnp.array([0, 1]))
        return fake, f.apply(f.init(key), fake, jnp.array([0, 1]))

    fake, scores = jax.eval_shape(play, jax.random.key(0))
    assert fake.shape == (2, *shape) and fake.dtype == jnp.float32
    assert scores.shape == (2,) and scores.dtype == jnp.float32
    if shape == (8, 8, 1):
        fake, scores = jax.jit(play)(jax.random.key(0))
        assert np.abs(fake).max() <= 1 and np.abs(fake).std() > 0.05
        assert 1e-3 < np.abs(scores).max() < 1e3


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


def test_impossible_sizes_are_refused():
    for shape in [(2,), (7, 7, 1), (4, 4, 1), (8, 16, 1)]:
        with pytest.raises(UserError, match="use mlp"):
            networks.critic(spec("biggan"), shape, CLASSES).init(jax.random.key(0))
    with pytest.raises(UserError, match="latent_dim must be at least 3"):
        networks.generator(spec("biggan"), 2, (28, 28, 1), CLASSES).init(jax.random.key(0))


def test_labels_where_none_are_taken_are_refused():
    with pytest.raises(UserError, match="dcgan takes no labels; conditional networks: .*mlp"):
        networks.critic(config.Network(name="dcgan"), (8, 8, 1), CLASSES)
    with pytest.raises(UserError, match="biggan needs labels; without them: .*mlp"):
        networks.critic(config.Network(name="biggan"), (8, 8, 1))
    with pytest.raises(UserError, match="did you mean 'mlp'"):
        networks.generator(config.Network(name="mpl"), LATENT, (8, 8, 1), CLASSES)
    with pytest.raises(UserError, match="conditional needs labelled data"):
        networks.players(config.Config(conditional=True), (2,), ["all"])
