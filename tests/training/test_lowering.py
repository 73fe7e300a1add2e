"""Programs are made for the platform that they run on, whichever platform makes them.

Every program here is lowered on this machine for a CPU, a GPU and a TPU. What tells the forms apart
is in the text: a CPU gets matrix products and keeps transposed arrays apart by barriers, the others
get convolutions and no barrier.
"""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, data, networks, training
from gan.networks import platforms
from gan.referee import players
from gan.registries import PRESETS, SOURCES
from gan.training.game import make_program
from gan.training.mesh import make_mesh
from gan.transport import pricing, products
from tests.data.makers import noise_set
from tests.test_presets import first_of_each_kind, small

PLATFORMS = ("cpu", "cuda", "tpu")


def shapes(tree):
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x), jnp.result_type(x)), tree)


def lowered(traced, platform):
    """The text of a traced program for a platform."""
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    assert not re.search(r"\bf64|xf64|callback", text)
    return text


def texts(build):
    """The texts for PLATFORMS of build() -> (jitted function, arguments), which is traced for a CPU
    and for an accelerator."""
    found = {}
    for group in (PLATFORMS[:1], PLATFORMS[1:]):
        with platforms.traced_for(group[0]):
            function, given = build()
            traced = function.trace(*given)
            found |= {platform: lowered(traced, platform) for platform in group}
    return found


def count(text, operation):
    return text.count(f"stablehlo.{operation}")


def wrong(found, convolutional):
    """The platforms whose text has not the form meant for them."""
    assert found.keys() == set(PLATFORMS)
    return [
        platform for platform in PLATFORMS if not _meant(found[platform], platform, convolutional)
    ]


def _meant(text, platform, convolutional):
    on_cpu = platform == "cpu"
    barriers = convolutional or (count(text, "optimization_barrier") > 0) == on_cpu
    convolutions = (count(text, "convolution") > 0) == (convolutional and not on_cpu)
    return count(text, "dot_general") > 0 and convolutions and barriers


def dataset_of(choice):
    source = SOURCES.get(choice.data.name)
    if not source.reads:
        return data.load(choice.data)
    return noise_set(choice.data.name, (8, 8, source.case.shape[-1]))


@pytest.mark.parametrize("name", list(first_of_each_kind()))
def test_a_preset_trains_in_the_form_for_each_platform(name):
    choice = small(name)
    dataset = dataset_of(choice)
    found = texts(lambda: make_program(choice, dataset, make_mesh(1)))
    assert not wrong(found, convolutional=choice.critic.name != "mlp")
    if SOURCES.get(choice.data.name).reads:  # images lie flat
        rows = f"tensor<{dataset.size('train')}x{np.prod(dataset.shape)}xui8>"
        assert all(rows in text for text in found.values())


def test_every_preset_is_lowered_here_or_among_the_slow_tests():
    assert [each.values[0] for each in first_of_each_kind()] == list(PRESETS)


def test_members_are_in_every_operation_except_on_a_cpu(tiny, digits):
    members = [config.replace(tiny, {"seed": seed, "n_critic": 1}) for seed in range(3)]

    def build():
        population = training.make_population(members, digits, devices=1)
        data, _ = population.feed.load(0)
        return population.chunk, (population.state, population.hyper, data, np.ones(3, np.int32))

    found = texts(build)
    assert not wrong(found, convolutional=False)
    assert {p: "batching_dims" in text for p, text in found.items()} == {
        "cpu": False,
        "cuda": True,
        "tpu": True,
    }


@pytest.mark.parametrize(
    ("platform", "normalization", "expected"),
    [("cuda", "none", 2), ("cuda", "batch", 1), ("tpu", "none", 0)],
)
def test_gpus_average_a_gradient_once(platform, normalization, expected, tiny, digits):
    """In the loop of the critic and for the generator; a coupled batch and a TPU are left to the
    compiler, which does not show in this text."""
    choice = config.replace(tiny, {"generator.normalization": normalization})
    with platforms.traced_for(platform):
        program = make_program(choice, digits, make_mesh(2))
        text = lowered(program.chunk.trace(*program.given), platform)
    assert count(text, "all_reduce") == expected


def test_gpus_take_both_batches_of_a_critic_at_once():
    """So that fewer operations are started; a TPU and a CPU take one after the other."""
    choice = small("fashion_mnist")
    dataset = dataset_of(choice)
    found = {}
    for platform in PLATFORMS:
        with platforms.traced_for(platform):
            program = make_program(choice, dataset, make_mesh(1))
            text = lowered(program.chunk.trace(*program.given), platform)
        found[platform] = count(text, "convolution")
    assert 0 == found["cpu"] < found["cuda"] < found["tpu"]


def player(role, name):
    spec = config.Network(name=name, width=16, depth=1)
    if role == "generator":
        return networks.generator(spec, 4, (8, 8, 1)), jnp.zeros((5, 4))
    return networks.critic(spec, (8, 8, 1)), jnp.zeros((5, 8, 8, 1))


@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_samplers_evaluators_and_classifiers(name):
    def sampler():
        generator, x = player("generator", name)
        return jax.jit(generator.apply), (jax.eval_shape(generator.init, jax.random.key(0)), x)

    def evaluator():
        critic, x = player("critic", name)
        judge = players.scores_and_gradients(critic.apply)
        return jax.jit(judge), (jax.eval_shape(critic.init, jax.random.key(0)), x)

    def classifier():
        network = networks.classifier((8, 8, 1), 10)
        params = jax.eval_shape(network.init, jax.random.key(0))
        return jax.jit(network.apply), (params, jnp.zeros((5, 8, 8, 1)))

    assert not wrong(texts(sampler), name == "dcgan")
    assert not wrong(texts(evaluator), name == "dcgan")
    if name == "dcgan":
        assert not wrong(texts(classifier), convolutional=True)


@pytest.mark.parametrize("kernel", ["product", "_group_least", "_least", "_screen"])
def test_pricing_multiplies_in_full_everywhere(kernel):
    x, y = jnp.zeros((4, 3)), jnp.zeros((5, 3))
    i, j = np.arange(4), np.arange(5)
    xx, yy, both = jnp.zeros(4), jnp.zeros(5), jnp.zeros((2, 4))
    given = {
        "product": (x, y),
        "_group_least": (x, y, xx, yy, yy, 5, False),
        "_least": (x, y, i, j, xx, yy, yy, False),
        "_screen": (x, y, i, j, both, jnp.zeros((2, 5)), False, False),
    }
    module = products if kernel == "product" else pricing
    for text in texts(lambda: (getattr(module, kernel), given[kernel])).values():
        found = re.findall(r"stablehlo.dot_general.*", text)
        assert len(found) == 1 and "precision = [HIGHEST, HIGHEST]" in found[0]


def test_a_function_that_was_traced_for_one_platform_is_traced_again_for_another():
    critic, x = player("critic", "dcgan")
    function = jax.jit(critic.apply)
    params = jax.eval_shape(critic.init, jax.random.key(0))
    counts = []
    for platform in ("cpu", "tpu", "cpu", "cuda"):
        with platforms.traced_for(platform):
            text = lowered(function.trace(params, x), platform)
        counts.append(count(text, "convolution"))
    assert counts[0] == counts[2] == 0 and counts[1] == counts[3] > 0


def test_a_program_follows_the_devices_of_its_mesh(monkeypatch):
    """And not the process that makes it."""
    monkeypatch.setattr(jax, "default_backend", functools.partial(str, "tpu"))
    choice = small("fashion_mnist")
    program = make_program(choice, dataset_of(choice), make_mesh(1))
    assert count(lowered(program.chunk.trace(*program.given), "cpu"), "convolution") == 0
