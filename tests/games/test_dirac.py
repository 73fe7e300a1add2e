"""The Dirac-GAN against theory: every registered loss and penalty, the shipped ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan.games import dirac
from gan.registries import LOSSES, PENALTIES

H, START, STEPS = 0.2, (1.0, 1.0), 500


@pytest.fixture(scope="module", params=list(dirac.METHODS))
def measured(request):
    """(method, what it does, what theory says)."""
    method = dirac.METHODS[request.param]
    with jax.enable_x64(True):
        return method, dirac.measure(method, H, START, STEPS), dirac.theory(method, H)


def test_every_registered_loss_and_penalty_is_played():
    methods = dirac.METHODS.values()
    assert {method.loss for method in methods} == set(LOSSES)
    assert {method.penalty for method in methods} == set(PENALTIES)


def test_noise_has_a_closed_form_for_smooth_symmetric_losses_only():
    with pytest.raises(ValueError, match="instance noise with hinge"):
        dirac.theory(dirac.DiracMethod("hinge", noise=1.0), H)


def test_eigenvalues_and_trajectories_are_those_of_theory(measured):
    method, found, known = measured
    if known.field is not None:
        for part in known._fields:
            np.testing.assert_allclose(
                getattr(found, part), getattr(known, part), rtol=0, atol=1e-12
            )
    arrives = {
        order: np.linalg.norm(getattr(found, f"{order}_path")[-1]) < 1e-3
        for order in ("simultaneous", "alternating")
    }
    if method.n_critic == 1:
        assert arrives["simultaneous"] == dirac.converges(known.simultaneous)
    assert arrives["alternating"] == dirac.converges(known.alternating)


@pytest.mark.parametrize("name", ["least squares", "Wasserstein, R1", "minimax, instance noise"])
def test_the_field_rests_at_the_equilibrium_and_drives_the_first_step(name):
    method = dirac.METHODS[name]
    with jax.enable_x64(True):
        field = jax.jit(dirac.field(method))
        np.testing.assert_allclose(field(jnp.zeros(2)), 0, atol=1e-15)
        path = dirac.measure(method, H, START, 1).simultaneous_path
        expected = H * np.asarray(field(jnp.asarray(START)))
    np.testing.assert_allclose(path[1] - path[0], expected, rtol=1e-13)


def test_published_formulas_in_numbers():
    r1 = dirac.theory(dirac.DiracMethod("non_saturating", "r1", weight=1.0), H)
    np.testing.assert_allclose(r1.field, [-0.5, -0.5])
    light = dirac.theory(dirac.DiracMethod("non_saturating", "r1", weight=0.6), H)
    np.testing.assert_allclose(light.field, [-0.3 - 0.4j, -0.3 + 0.4j])
    noise = dirac.theory(dirac.DiracMethod("non_saturating", noise=2.0), H)
    np.testing.assert_allclose(noise.field, [-1 - 0.75**0.5, -1 + 0.75**0.5])
    plain = dirac.theory(dirac.DiracMethod("wasserstein"), H)
    np.testing.assert_allclose(plain.field, [-1j, 1j])
    np.testing.assert_allclose(np.abs(plain.simultaneous), 1.04**0.5)
    np.testing.assert_allclose(np.abs(plain.alternating), 1)
    assert dirac.theory(dirac.DiracMethod("wasserstein", "two_sided", weight=1.0), H).field is None


def test_unregularised_simultaneous_steps_grow_by_the_predicted_factor():
    with jax.enable_x64(True):
        found = dirac.measure(dirac.DiracMethod("wasserstein"), H, START, 20)
    distances = np.linalg.norm(found.simultaneous_path, axis=1)
    np.testing.assert_allclose(distances[1:] / distances[:-1], 1.04**0.5, rtol=1e-12)


def test_clipping_holds_the_critic():
    with jax.enable_x64(True):
        found = dirac.measure(dirac.DiracMethod("wasserstein", clip=0.3), H, START, 50)
    for path in (found.simultaneous_path, found.alternating_path):
        assert np.abs(path[1:, 1]).max() == pytest.approx(0.3)
