import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, networks
from gan.errors import UserError

LATENT = 16
COUNTS = {
    ("mlp", (2,)): (136_450, 132_609),
    ("mlp", (8, 8, 1)): (152_384, 148_481),
    ("mlp", (28, 28, 1)): (337_424, 332_801),
    ("mlp", (32, 32, 3)): (925_440, 918_529),
    ("dcgan", (8, 8, 1)): (4_609, 529),
    ("dcgan", (28, 28, 1)): (35_121, 10_065),
    ("dcgan", (32, 32, 3)): (59_187, 42_865),
    ("dcgan", (64, 64, 3)): (207_731, 175_089),
}
"""Generator and critic parameters at latent 16; width 256, depth 3 (mlp) and width 16 (dcgan)."""


def spec(name):
    return config.Network(name=name, width=256 if name == "mlp" else 16, depth=3)


def test_every_generator_has_a_critic_of_its_name():
    assert set(networks.CRITICS) == set(networks.GENERATORS) | {"groupsort", "cones"}
    assert {name for name, _ in COUNTS} == set(networks.GENERATORS)


@pytest.mark.parametrize(("name", "shape"), COUNTS)
def test_parameter_counts_are_pinned(name, shape):
    g = networks.generator(spec(name), LATENT, shape)
    f = networks.critic(spec(name), shape)
    key = jax.random.key(0)
    counts = tuple(networks.parameter_count(jax.eval_shape(n.init, key)) for n in (g, f))
    assert counts == COUNTS[name, shape]


@pytest.mark.parametrize(("name", "shape"), COUNTS)
def test_players_fit_the_data_and_do_not_couple_examples(name, shape):
    g = networks.generator(spec(name), LATENT, shape)
    f = networks.critic(spec(name), shape)
    z = jax.random.normal(jax.random.key(1), (3, LATENT))
    params = g.init(jax.random.key(0))
    fake = g.apply(params, z)
    assert fake.shape == (3, *shape) and fake.dtype == jnp.float32
    if len(shape) == 3:
        assert np.abs(fake).max() <= 1
    critic_params = f.init(jax.random.key(0))
    scores = f.apply(critic_params, fake)
    assert scores.shape == (3,)
    alone = jnp.concatenate([f.apply(critic_params, fake[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(scores, alone, rtol=1e-4, atol=1e-5)
    assert len(np.unique(np.asarray(scores))) == 3


@pytest.mark.parametrize("name", networks.GENERATORS)
def test_same_key_same_parameters_other_key_others(name):
    g = networks.generator(spec(name), LATENT, (8, 8, 1))
    first, again, other = (g.init(jax.random.key(seed)) for seed in (0, 0, 1))
    same = jax.tree.map(lambda a, b: np.array_equal(a, b), first, again)
    assert all(jax.tree.leaves(same))
    kernels = [np.asarray(leaf) for leaf in jax.tree.leaves(first) if leaf.ndim > 1]
    others = [np.asarray(leaf) for leaf in jax.tree.leaves(other) if leaf.ndim > 1]
    assert kernels and not any(np.array_equal(a, b) for a, b in zip(kernels, others, strict=True))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "softplus"])
@pytest.mark.parametrize("name", networks.GENERATORS)
def test_every_activation_is_used_and_differs(name, activation):
    shape = (8, 8, 1)
    x = jax.random.normal(jax.random.key(0), (2, *shape))
    outputs = []
    for choice in ("relu", activation):
        f = networks.critic(config.Network(name=name, width=16, depth=2, activation=choice), shape)
        outputs.append(np.asarray(f.apply(f.init(jax.random.key(0)), x)))
    assert np.allclose(*outputs) == (activation == "relu")


def test_softplus_is_the_shifted_one():
    from gan.networks.hidden import ACTIVATIONS

    x = jnp.linspace(-3, 3, 7)
    expected = np.log1p(np.exp(2 * np.asarray(x) + 2)) / 2 - 1
    np.testing.assert_allclose(ACTIVATIONS["softplus"](x), expected, rtol=1e-5)


def test_unknown_names_and_impossible_shapes_are_refused():
    with pytest.raises(UserError, match="did you mean 'dcgan'"):
        networks.critic(config.Network(name="dcgn"), (8, 8, 1))
    for shape in [(2,), (7, 7, 1), (4, 4, 1), (8, 16, 1)]:
        with pytest.raises(UserError, match="use mlp"):
            g = networks.generator(config.Network(name="dcgan"), LATENT, shape)
            g.init(jax.random.key(0))


@pytest.mark.parametrize("name", networks.GENERATORS)
def test_layer_norm_makes_hidden_layers_blind_to_the_scale_of_an_example(name):
    shape = (8, 8, 1)
    x = jax.random.normal(jax.random.key(0), (2, *shape))
    for normalization in ("none", "layer"):
        spec = config.Network(name=name, width=16, depth=1, normalization=normalization)
        f = networks.critic(spec, shape)
        params = f.init(jax.random.key(0))
        same = np.allclose(f.apply(params, x), f.apply(params, 3 * x), rtol=1e-3)
        assert same == (normalization == "layer")


@pytest.mark.parametrize(
    ("shape", "count"), [((2,), 9_290), ((8, 8, 1), 75_114), ((28, 28, 1), 443_818)]
)
def test_a_classifier_gives_features_and_logits(shape, count):
    network = networks.classifier(shape, 10)
    params = network.init(jax.random.key(0))
    assert networks.parameter_count(params) == count
    features, logits = network.apply(params, jnp.zeros((3, *shape)))
    assert features.shape == (3, 64) and logits.shape == (3, 10)
    assert features.min() >= 0
