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
    ("resnet", (8, 8, 1)): (9_409, 11_809),
    ("resnet", (28, 28, 1)): (23_297, 16_721),
    ("resnet", (32, 32, 3)): (19_523, 17_041),
    ("resnet", (64, 64, 3)): (503_171, 470_641),
    ("table1", (8, 8, 1)): (18_529, 14_449),
    ("table1", (28, 28, 1)): (67_505, 42_449),
    ("table1", (32, 32, 3)): (144_611, 128_289),
    ("table1", (64, 64, 3)): (401_491, 368_849),
    ("r3gan", (8, 8, 1)): (23_313, 23_089),
    ("r3gan", (28, 28, 1)): (35_233, 35_009),
    ("r3gan", (32, 32, 3)): (46_131, 45_905),
    ("r3gan", (64, 64, 3)): (57_523, 57_297),
}
"""Generator and critic parameters at latent 16, with the fields of `spec`."""
DEPTHS = {"table1": 8, "r3gan": 2}
"""Where it is not 3."""


def spec(name, **fields):
    return config.Network(
        **dict(name=name, width=256 if name == "mlp" else 16, depth=DEPTHS.get(name, 3)) | fields
    )


def small(name, **fields):
    """A network that compiles quickly."""
    return spec(name, **dict(width=4, depth={"table1": 4, "r3gan": 1}.get(name, 2)) | fields)


def test_every_generator_has_a_critic_of_its_name():
    assert set(networks.CRITICS) == set(networks.GENERATORS) | {"groupsort", "cones"}
    assert {name for name, _ in COUNTS} == set(networks.GENERATORS)


@pytest.mark.parametrize(("name", "shape"), COUNTS)
def test_parameter_counts_are_pinned(name, shape):
    g = networks.generator(spec(name), LATENT, shape)
    f = networks.critic(spec(name), shape)
    key = jax.random.key(0)
    params = [jax.eval_shape(n.init, key) for n in (g, f)]
    assert tuple(networks.parameter_count(p) for p in params) == COUNTS[name, shape]
    fake = jax.eval_shape(g.apply, params[0], jnp.zeros((3, LATENT)))
    assert fake.shape == (3, *shape) and fake.dtype == jnp.float32
    assert jax.eval_shape(f.apply, params[1], fake).shape == (3,)


def test_the_published_resnet_has_its_size():
    """Gulrajani et al. 2017, 32 pixels, 128 channels, latent 128: per player, by hand."""
    pair = [
        networks.generator(config.Network(name="resnet", width=128), 128, (32, 32, 3)),
        networks.critic(config.Network(name="resnet", width=128), (32, 32, 3)),
    ]
    found = [networks.parameter_count(jax.eval_shape(n.init, jax.random.key(0))) for n in pair]
    wide, narrow, pixels = 9 * 128**2 + 128, 128**2 + 128, 9 * 3 * 128
    generator = 129 * 2048 + 3 * (2 * wide + narrow) + pixels + 3
    critic = (pixels + 128 + wide + 4 * 128) + (2 * wide + narrow) + 2 * 2 * wide + 129
    assert found == [generator, critic]


@pytest.mark.parametrize("name", networks.CRITICS)
def test_examples_are_in_range_and_not_coupled(name):
    shape, key = (8, 8, 1), jax.random.key(0)
    player = name if name in networks.GENERATORS else "mlp"
    g, f = networks.generator(small(player), LATENT, shape), networks.critic(small(name), shape)
    fake = jax.jit(g.apply)(jax.jit(g.init)(key), jax.random.normal(jax.random.key(1), (3, LATENT)))
    assert np.abs(fake).max() <= 1
    params, score = jax.jit(f.init)(key), jax.jit(f.apply)
    scores, moved = score(params, fake), score(params, fake.at[1].add(0.5))
    np.testing.assert_allclose(scores[0::2], moved[0::2], rtol=1e-6)
    assert scores[1] != moved[1] and len(np.unique(np.asarray(scores))) == 3


@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_batch_norm_uses_the_batch_at_hand_and_so_couples_its_examples(name):
    f = networks.critic(small(name, normalization="batch"), (8, 8, 1))
    x = jax.random.normal(jax.random.key(1), (16, 8, 8, 1))
    params, score = jax.jit(f.init)(jax.random.key(0)), jax.jit(f.apply)
    scores = score(params, x)
    np.testing.assert_allclose(scores, score(params, 3 * x), rtol=1e-3, atol=1e-4)
    assert not np.allclose(scores[0], score(params, x.at[1].add(0.5))[0], rtol=1e-4)


@pytest.mark.parametrize("name", networks.GENERATORS)
def test_same_key_same_parameters_other_key_others(name):
    g = networks.generator(small(name), LATENT, (8, 8, 1))
    init = jax.jit(g.init)
    first, again, other = (init(jax.random.key(seed)) for seed in (0, 0, 1))
    same = jax.tree.map(lambda a, b: np.array_equal(a, b), first, again)
    assert all(jax.tree.leaves(same))
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(other), strict=True):
        assert not np.any(a) or np.all(a == 1) or not np.array_equal(a, b)  # but zeros and ones
    assert not np.array_equal(*(jax.tree.leaves(p)[-1] for p in (first, other)))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "softplus"])
@pytest.mark.parametrize("name", networks.GENERATORS)
def test_every_activation_is_used_and_differs(name, activation):
    shape = (8, 8, 1)
    x = jax.random.normal(jax.random.key(0), (2, *shape))
    outputs = []
    for choice in ("relu", activation):
        f = networks.critic(small(name, activation=choice), shape)
        params = jax.jit(f.init)(jax.random.key(0))
        params = jax.tree.map(lambda p: np.asarray(p) + np.float32(0.1), params)  # no zero kernels
        outputs.append(np.asarray(jax.jit(f.apply)(params, x)))
    assert np.allclose(*outputs) == (activation == "relu")


def test_softplus_is_the_shifted_one():
    from gan.networks.hidden import ACTIVATIONS

    x = jnp.linspace(-3, 3, 7)
    expected = np.log1p(np.exp(2 * np.asarray(x) + 2)) / 2 - 1
    np.testing.assert_allclose(ACTIVATIONS["softplus"](x), expected, rtol=1e-5)


@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu", 0.2)])
def test_relus_have_the_derivatives_of_the_textbook_and_no_second_one(name, slope):
    from gan.networks.hidden import ACTIVATIONS

    activation, textbook = ACTIVATIONS[name], lambda x: jnp.where(x > 0, x, slope * x)
    x = jnp.array([-2.0, -0.0, 0.0, 1e-30, 3.0])
    np.testing.assert_array_equal(activation(x), textbook(x))
    derivative = jax.grad(lambda x: jnp.sum(3 * activation(x)))
    np.testing.assert_array_equal(derivative(x), 3 * np.float32([slope, slope, slope, 1, 1]))
    assert np.isnan(activation(jnp.nan)) and np.isnan(jax.grad(activation)(jnp.nan))

    def products(activation):
        """Matrix products of a penalty's gradient in one layer's weights."""
        inner = jax.grad(lambda x, w: jnp.sum(activation(x @ w)))
        outer = jax.make_jaxpr(jax.grad(lambda w, x: jnp.sum(inner(x, w) ** 2)))
        return str(outer(jnp.ones((3, 3)), jnp.ones((2, 3)))).count("dot_general")

    assert products(activation) == products(textbook) < products(jnp.tanh)


def test_unknown_names_and_impossible_shapes_are_refused():
    with pytest.raises(UserError, match="did you mean 'dcgan'"):
        networks.critic(config.Network(name="dcgn"), (8, 8, 1))
    for name in set(networks.GENERATORS) - {"mlp"}:
        for shape in [(2,), (7, 7, 1), (4, 4, 1), (8, 16, 1)]:
            with pytest.raises(UserError, match="use mlp"):
                g = networks.generator(config.Network(name=name), LATENT, shape)
                jax.eval_shape(g.init, jax.random.key(0))
    with pytest.raises(UserError, match="depth of at least 4 on images of 32 pixels, got 3"):
        f = networks.critic(config.Network(name="table1", depth=3), (32, 32, 3))
        jax.eval_shape(f.init, jax.random.key(0))


@pytest.mark.parametrize("side", [8, 28, 32])
@pytest.mark.parametrize("depth", [4, 8, 12, 20])
def test_a_member_of_the_table1_family_has_as_many_layers_as_it_says(side, depth):
    shape = (side, side, 1)
    for n in (
        networks.generator(config.Network(name="table1", width=4, depth=depth), LATENT, shape),
        networks.critic(config.Network(name="table1", width=4, depth=depth), shape),
    ):
        params = jax.tree_util.tree_leaves_with_path(jax.eval_shape(n.init, jax.random.key(0)))
        kernels = [leaf for path, leaf in params if path[-1].key == "kernel"]
        assert sum(k.shape[0] if k.ndim == 5 else 1 for k in kernels) == depth


def test_the_time_to_compile_does_not_grow_with_depth():
    """The programs of 4 + 4 and of 4 + 16 layers have the same number of operations."""

    def size(depth):
        f = networks.critic(config.Network(name="table1", width=4, depth=depth), (8, 8, 1))
        params = jax.eval_shape(f.init, jax.random.key(0))
        slope = jax.grad(lambda x, p: jnp.sum(f.apply(p, x)))
        curvature = jax.grad(lambda p, x: jnp.sum(slope(x, p) ** 2))
        return len(jax.jit(curvature).lower(params, jnp.zeros((2, 8, 8, 1))).as_text().split("\n"))

    assert size(8) == size(20)


def test_an_r3gan_starts_as_its_shortcuts_whatever_its_depth():
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 1))
    ends = []
    for depth in (1, 4):
        f = networks.critic(small("r3gan", depth=depth), (8, 8, 1))
        params = jax.jit(f.init)(jax.random.key(0))
        narrow = params["Scan_Block_0"]["Convolution_2"]["kernel"]
        assert narrow.shape[0] == depth and not np.any(narrow)
        ends.append(np.asarray(jax.jit(f.apply)(params, x)))
    np.testing.assert_allclose(*ends, rtol=1e-6)


@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_layer_norm_makes_hidden_layers_blind_to_the_scale_of_an_example(name):
    shape = (8, 8, 1)
    x = jax.random.normal(jax.random.key(0), (2, *shape))
    for normalization in ("none", "layer"):
        spec = config.Network(name=name, width=16, depth=1, normalization=normalization)
        f = networks.critic(spec, shape)
        params, score = jax.jit(f.init)(jax.random.key(0)), jax.jit(f.apply)
        same = np.allclose(score(params, x), score(params, 3 * x), rtol=1e-3)
        assert same == (normalization == "layer")


@pytest.mark.parametrize(
    ("shape", "count"), [((2,), 9_290), ((8, 8, 1), 75_114), ((28, 28, 1), 443_818)]
)
def test_a_classifier_gives_features_and_logits(shape, count):
    network = networks.classifier(shape, 10)
    params = jax.jit(network.init)(jax.random.key(0))
    assert networks.parameter_count(params) == count
    features, logits = jax.jit(network.apply)(params, jnp.zeros((3, *shape)))
    assert features.shape == (3, 64) and logits.shape == (3, 10)
    assert features.min() >= 0
