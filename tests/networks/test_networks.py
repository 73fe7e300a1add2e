import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, networks
from gan.errors import UserError

LATENT = 16


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


@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_batch_norm_uses_the_batch_at_hand_and_so_couples_its_examples(name):
    f = networks.critic(config.Network(name, 4, 2, normalization="batch"), (8, 8, 1))
    x = jax.random.normal(jax.random.key(1), (16, 8, 8, 1))
    params, score = jax.jit(f.init)(jax.random.key(0)), jax.jit(f.apply)
    scores = score(params, x)
    np.testing.assert_allclose(scores, score(params, 3 * x), rtol=1e-3, atol=1e-4)
    assert not np.allclose(scores[0], score(params, x.at[1].add(0.5))[0], rtol=1e-4)


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


def test_names_without_such_a_player_and_too_few_layers_are_refused():
    with pytest.raises(UserError, match="did you mean 'dcgan'"):
        networks.critic(config.Network(name="dcgn"), (8, 8, 1))
    with pytest.raises(UserError, match="groupsort has no generator; those that have one: .*dcgan"):
        networks.generator(config.Network(name="groupsort"), LATENT, (8, 8, 1))
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
        f = networks.critic(config.Network("r3gan", 4, depth), (8, 8, 1))
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
