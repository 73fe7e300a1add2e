"""What every architecture must do, at the sizes of its own case."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, networks, rules
from gan.errors import UserError
from gan.registries import ARCHITECTURES
from tests.entries import names

LATENT = 16
CLASSES = 10
SHAPE = (8, 8, 1)
ENTRIES = names(ARCHITECTURES, "tests.plugin.networks:quadratic")
POINTS = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)
PLAYERS = ("generator", "critic", "conditional_generator", "conditional_critic")


def counted():
    """(name, shape, classes, the two pinned counts) of every case."""
    for name in ENTRIES:
        entry = ARCHITECTURES.get(name)
        for classes, counts in ((0, entry.case.counts), (CLASSES, entry.case.conditional_counts)):
            for shape, pinned in counts.items():
                yield pytest.param(name, shape, classes, pinned, id=f"{name}-{shape}-{classes}")


def built(name, role, shape=SHAPE, classes=0, **fields):
    """One player, by default as small as its case makes it."""
    spec = config.Network(name=name, **ARCHITECTURES.get(name).case.small | fields)
    if role == "generator":
        return networks.generator(spec, LATENT, shape, classes)
    return networks.critic(spec, shape, classes)


def moved(params, seed=1):
    """The parameters with noise, so that nothing is at a neutral initial value."""
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    noisy = [p + 0.1 * jax.random.normal(k, p.shape) for p, k in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(structure, noisy)


@functools.cache
def conditional(name, role):
    """(apply with fixed parameters, input [3, ...]) of a small conditional player."""
    network = built(name, role, classes=CLASSES)
    params = jax.jit(lambda key: moved(network.init(key)))(jax.random.key(0))
    size = (LATENT,) if role == "generator" else SHAPE
    given = jax.random.normal(jax.random.key(1), (3, *size))
    return jax.jit(lambda x, y: network.apply(params, x, y)), given


def test_every_player_has_its_counts():
    assert len(ARCHITECTURES) >= 8
    for name in ENTRIES:
        entry = ARCHITECTURES.get(name)
        for start, counts in (
            ("", entry.case.counts),
            ("conditional_", entry.case.conditional_counts),
        ):
            for place, role in enumerate(("generator", "critic")):
                pinned = {pair[place] is not None for pair in counts.values()}
                has = getattr(entry, start + role) is not None
                assert pinned == ({has} if counts else set()) and bool(counts) >= has, name
        assert any(getattr(entry, player) for player in PLAYERS)


@pytest.mark.parametrize(("name", "shape", "classes", "pinned"), list(counted()))
def test_parameter_counts_are_pinned_and_players_fit_the_data(name, shape, classes, pinned):
    fields = {"depth": 3} | ARCHITECTURES.get(name).case.counted
    labels = (jnp.zeros(3, jnp.int32),) if classes else ()
    sizes = {"generator": (LATENT,), "critic": shape}
    results = {"generator": (3, *shape), "critic": (3,)}
    for role, count in zip(sizes, pinned, strict=True):
        if count is None:
            continue
        network = built(name, role, shape, classes, **fields)
        params = jax.eval_shape(network.init, jax.random.key(0))
        assert networks.parameter_count(params) == count
        made = jax.eval_shape(network.apply, params, jnp.zeros((3, *sizes[role])), *labels)
        assert made.shape == results[role] and made.dtype == jnp.float32


@pytest.mark.parametrize("name", networks.names("critic"))
def test_examples_are_in_range_and_not_coupled(name):
    key = jax.random.key(0)
    g = built(name if name in networks.names("generator") else "mlp", "generator")
    f = built(name, "critic")
    fake = jax.jit(g.apply)(jax.jit(g.init)(key), jax.random.normal(jax.random.key(1), (3, LATENT)))
    assert np.abs(fake).max() <= 1
    params, score = jax.jit(f.init)(key), jax.jit(f.apply)
    scores, other = score(params, fake), score(params, fake.at[1].add(0.5))
    np.testing.assert_allclose(scores[0::2], other[0::2], rtol=1e-6)
    assert scores[1] != other[1] and len(np.unique(np.asarray(scores))) == 3


@pytest.mark.parametrize("name", networks.names("generator"))
def test_same_key_same_parameters_other_key_others(name):
    init = jax.jit(built(name, "generator").init)
    first, again, other = (init(jax.random.key(seed)) for seed in (0, 0, 1))
    same = jax.tree.map(lambda a, b: np.array_equal(a, b), first, again)
    assert all(jax.tree.leaves(same))
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(other), strict=True):
        assert not np.any(a) or np.all(a == 1) or not np.array_equal(a, b)  # but zeros and ones
    assert not np.array_equal(*(jax.tree.leaves(p)[-1] for p in (first, other)))


@functools.cache
def with_relu(name):
    """(parameters without zero kernels, scores) of a critic that is asked for ReLU."""
    f = built(name, "critic", activation="relu")
    params = jax.jit(f.init)(jax.random.key(0))
    params = jax.tree.map(lambda p: np.asarray(p) + np.float32(0.1), params)
    return params, np.asarray(jax.jit(f.apply)(params, POINTS))


@pytest.mark.parametrize("activation", ["leaky_relu", "tanh", "softplus"])
@pytest.mark.parametrize("name", networks.names("generator"))
def test_every_activation_is_used_and_differs_where_any_is(name, activation):
    params, scores = with_relu(name)
    other = jax.jit(built(name, "critic", activation=activation).apply)(params, POINTS)
    assert np.allclose(scores, other) == (not ARCHITECTURES.get(name).case.activated), (
        "see Case.activated"
    )


@pytest.mark.parametrize("role", ["generator", "critic"])
@pytest.mark.parametrize("name", networks.names("conditional_critic"))
def test_every_example_follows_its_own_label_and_no_other(name, role):
    apply, given = conditional(name, role)
    same = given[:1].repeat(3, axis=0)
    outputs = np.asarray(apply(same, jnp.array([0, 4, 9])))
    for i, j in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(outputs[i] - outputs[j]).max() > 1e-3
    first, second = (np.asarray(apply(given, jnp.array([3, k, 5]))) for k in (1, 2))
    assert np.abs(first[1] - second[1]).max() > 1e-3
    np.testing.assert_allclose(first[[0, 2]], second[[0, 2]], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("role", ["generator", "critic"])
@pytest.mark.parametrize("name", networks.names("conditional_critic"))
def test_weights_lead_from_class_to_class(name, role):
    apply, given = conditional(name, role)
    labels = jnp.array([2, 7, 7])
    weights = jax.nn.one_hot(labels, CLASSES)
    ends = np.asarray(apply(given, labels))
    np.testing.assert_allclose(apply(given, weights), ends, rtol=1e-4, atol=1e-5)
    middle = np.asarray(apply(given, (weights + jax.nn.one_hot(0, CLASSES)[None]) / 2))
    assert np.abs(middle - ends).max() > 1e-3


@pytest.mark.parametrize("name", networks.names("conditional_critic"))
def test_conditional_players_start_in_range(name):
    g, f = (built(name, role, classes=CLASSES, width=16, depth=3) for role in PLAYERS[:2])

    def play(key):
        labels = jnp.array([0, 1])
        fake = g.apply(g.init(key), jax.random.normal(key, (2, LATENT)), labels)
        return fake, f.apply(f.init(key), fake, labels)

    fake, scores = jax.jit(play)(jax.random.key(0))
    assert np.abs(fake).max() <= 1 and np.abs(fake).std() > 0.05
    assert 1e-3 < np.abs(scores).max() < 1e3


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_shapes_that_it_cannot_make_are_refused(name):
    entry = ARCHITECTURES.get(name)
    for counts, classes in ((entry.case.counts, 0), (entry.case.conditional_counts, CLASSES)):
        if not counts or (2,) in counts:
            continue
        for shape in [(2,), (7, 7, 1), (4, 4, 1), (8, 16, 1)]:
            with pytest.raises(UserError, match="use mlp"):
                jax.eval_shape(built(name, "critic", shape, classes).init, jax.random.key(0))


@pytest.mark.parametrize("name", ENTRIES)
def test_every_rule_is_broken_by_its_case_and_by_nothing_less(name):
    entry = ARCHITECTURES.get(name)
    labelled = entry.critic is None
    for role in ("generator", "critic"):
        if getattr(entry, f"conditional_{role}" if labelled else role) is None:
            continue
        base = config.replace(config.Config(conditional=labelled), {"penalty": "none"})
        named = {f"{role}.{path}": v for path, v in {"name": name, **entry.case.small}.items()}
        rules.check(config.replace(base, named))
        reasons = [rule.reason for rule in (*entry.rules, *entry.spec_rules)]
        for place, (reason, change) in enumerate(zip(reasons, entry.case.broken, strict=True)):
            own = place >= len(entry.rules)
            change = {f"{role}.{path}" if own else path: v for path, v in change.items()}
            rules.check(config.replace(base, change))
            with pytest.raises(UserError) as caught:
                rules.check(config.replace(base, named | change))
            assert str(caught.value) == reason
            if own:
                spec = getattr(config.replace(base, named | change), role)
                with pytest.raises(UserError, match=reason[:40]):
                    networks.critic(spec, SHAPE)
