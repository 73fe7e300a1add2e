"""The Dirac-GAN: real data at 0, fakes at theta, critic f(x) = psi x (Mescheder et al. 2018).

The critic's scores are shifted by a constant, its score at equilibrium: 1/2 for least
squares with labels 0 and 1, and 0 for most others. The only equilibrium is theta = psi = 0. Near it
a method is known by the eigenvalues of the gradient vector field v = (-dG/dtheta, -dC/dpsi), whose
Jacobian has, for the methods here, the form

    J = [[-rho, -p], [p, -delta]]

with the pull p = f'(0) of the loss (1 for Wasserstein, 1/2 for the logistic losses) and dampings
rho of the generator and delta of the critic. Gradient descent of step h converges if the
eigenvalues of its update operator, I + h J for simultaneous steps, lie inside the unit circle.
Losses and penalties are those of gan.objectives, so this is also a test of them; what theory knows
of each is in its case.

Everything is float64: call inside `jax.enable_x64(True)`.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan.registries import LOSSES, PENALTIES

QUADRATURE = 24
"""Nodes of the Gauss-Hermite rule for instance noise; more change no digit that is shown."""


class DiracMethod(NamedTuple):
    """A loss with what is added to it.

    Attributes:
        loss: name in LOSSES.
        penalty: name in PENALTIES.
        weight: of the penalty; for R1 and R2 it is gamma.
        clip: the critic's parameter is clipped to [-clip, clip] after each of its steps.
        noise: standard deviation of instance noise on real and fake alike.
        consensus: weight of the gradient of |v|^2 / 2 (Mescheder et al. 2017).
        n_critic: critic steps before each generator step, for alternating steps.
    """

    loss: str
    penalty: str = "none"
    weight: float = 0.0
    clip: float = math.inf
    noise: float = 0.0
    consensus: float = 0.0
    n_critic: int = 1


def field(method: DiracMethod):
    """The gradient vector field: point (theta, psi) [2] -> velocity [2], consensus included."""
    loss, penalty = LOSSES.get(method.loss), PENALTIES.get(method.penalty)
    rest = loss.case.equilibrium[0]
    nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE if method.noise else 1)
    shifts = jnp.asarray(method.noise * nodes)
    pairs = jnp.asarray(np.outer(weights, weights) / weights.sum() ** 2)

    def expected(player, theta, psi):
        """Mean of a player's loss over independent noise on the real and on the fake point."""

        def one(real, fake):
            scores = rest + psi * real, rest + psi * (theta + fake)
            return player(*(score.reshape(1) for score in scores))

        values = jax.vmap(jax.vmap(one, (None, 0)), (0, None))(shifts, shifts)
        return jnp.sum(pairs * values)

    def generator(theta, psi):
        return expected(loss.generator, theta, psi)

    def critic(theta, psi):
        value = expected(loss.critic, theta, psi)
        if method.penalty == "none":
            return value
        real, fake = jnp.zeros((1, 1)), theta.reshape(1, 1)
        excess = penalty(lambda x: psi * x[:, 0], real, fake, jax.random.key(0), target=1.0)
        return value + method.weight * excess

    def plain(point):
        theta, psi = point
        return -jnp.stack([jax.grad(generator)(theta, psi), jax.grad(critic, 1)(theta, psi)])

    if not method.consensus:
        return plain

    def damped(point):
        return plain(point) - method.consensus * jax.grad(lambda p: jnp.sum(plain(p) ** 2) / 2)(
            point
        )

    return damped


def step(method: DiracMethod, h: float, alternating: bool):
    """One step of gradient descent of size h: point [2] -> point [2].

    Simultaneous: both players move from the same point. Alternating: `n_critic` critic steps, each
    seeing the last, then one generator step that sees the new critic.
    """
    velocity = field(method)

    def clipped(psi):
        return jnp.clip(psi, -method.clip, method.clip)

    def simultaneous(point):
        theta, psi = point + h * velocity(point)
        return jnp.stack([theta, clipped(psi)])

    def in_turns(point):
        for _ in range(method.n_critic):
            point = point.at[1].set(clipped(point[1] + h * velocity(point)[1]))
        return point.at[0].add(h * velocity(point)[0])

    return in_turns if alternating else simultaneous


class Measured(NamedTuple):
    """What a method does: trajectories [steps + 1, 2] of simultaneous and of alternating steps, and
    eigenvalues at the equilibrium of the field and of both update operators, complex [2]."""

    simultaneous_path: np.ndarray
    alternating_path: np.ndarray
    field: np.ndarray
    simultaneous: np.ndarray
    alternating: np.ndarray


def measure(method: DiracMethod, h: float, start, steps: int) -> Measured:
    """Play a method from `start` (theta, psi), and differentiate what it does at the equilibrium by
    `jax.jacobian`. Compiles once."""
    moves = [step(method, h, alternating) for alternating in (False, True)]

    @jax.jit
    def everything(first, rest):
        def path(move):
            return jax.lax.scan(lambda point, _: (move(point),) * 2, first, None, length=steps)[1]

        functions = (field(method), *moves)
        return [path(move) for move in moves], [
            jax.jacobian(function)(rest) for function in functions
        ]

    first = jnp.asarray(start, jnp.float64)
    paths, jacobians = everything(first, jnp.zeros(2))
    paths = [np.concatenate([np.asarray(first)[None], np.asarray(path)]) for path in paths]
    return Measured(*paths, *(ordered(np.linalg.eigvals(np.asarray(j))) for j in jacobians))


def ordered(values) -> np.ndarray:
    """Complex numbers by real part, then imaginary part; parts equal to 1e-7 count as equal."""
    return np.array(sorted(map(complex, values), key=lambda z: (round(z.real, 7), z.imag)))


class Theory(NamedTuple):
    """What is known of a method near the equilibrium; None where there is no derivative."""

    field: np.ndarray | None
    simultaneous: np.ndarray | None
    alternating: np.ndarray | None


def theory(method: DiracMethod, h: float) -> Theory:
    """Eigenvalues in closed form: of the field, and of the update operators of step h.

    Field: -gamma/2 +- sqrt(gamma^2/4 - f'(0)^2) for R1 or R2 of weight gamma;
    f''(0) s^2 +- sqrt(f''(0)^2 s^4 - f'(0)^2) for instance noise of deviation s (Mescheder et al.
    2018); -gamma f'(0)^2 +- i f'(0) for consensus optimisation, from J - gamma J^T J. A penalty
    with a kink at psi = 0 (two-sided with target 1) has no derivative there. Clipping leaves the
    neighbourhood of the equilibrium as it is.

    Raises:
        ValueError: for instance noise with a loss that has no closed form for it.
    """
    loss, damping = LOSSES.get(method.loss).case, PENALTIES.get(method.penalty).case.damping
    if damping is None:
        return Theory(None, None, None)
    p = loss.pull
    rho = method.consensus * p**2
    delta = rho + damping * method.weight
    if method.noise:
        if loss.curvature is None:
            raise ValueError(f"no closed form for instance noise with {method.loss}")
        delta -= 2 * loss.curvature * method.noise**2
    of_field = _roots(-(rho + delta), rho * delta + p**2)
    kept = (1 - h * delta) ** method.n_critic
    pushed = h * p * sum((1 - h * delta) ** k for k in range(method.n_critic))
    trace = 1 - h * rho - h * p * pushed + kept
    return Theory(of_field, 1 + h * of_field, _roots(trace, (1 - h * rho) * kept))


def converges(eigenvalues: np.ndarray | None) -> bool:
    """Whether an update operator contracts near the equilibrium; False without a derivative."""
    return eigenvalues is not None and bool(np.abs(eigenvalues).max() < 1 - 1e-12)


def _roots(trace: float, determinant: float) -> np.ndarray:
    """Eigenvalues of a real 2 x 2 matrix from its trace and determinant."""
    root = complex(trace**2 / 4 - determinant) ** 0.5
    return ordered([trace / 2 - root, trace / 2 + root])


def _methods(chosen: dict[str, DiracMethod]) -> dict[str, DiracMethod]:
    """The chosen ones, and one with each loss and with each penalty that none of them has."""
    losses = {method.loss for method in chosen.values()}
    penalties = {method.penalty for method in chosen.values()}
    return (
        chosen
        | {loss.replace("_", " "): DiracMethod(loss) for loss in LOSSES if loss not in losses}
        | {
            f"non-saturating, {penalty.replace('_', ' ')}": DiracMethod(
                "non_saturating", penalty, 0.5
            )
            for penalty in PENALTIES
            if penalty not in penalties
        }
    )


CHOSEN = {
    "minimax": DiracMethod("minimax"),
    "non-saturating": DiracMethod("non_saturating"),
    "least squares": DiracMethod("least_squares"),
    "hinge": DiracMethod("hinge"),
    "relativistic": DiracMethod("relativistic"),
    "Wasserstein": DiracMethod("wasserstein"),
    "Wasserstein, clipped at 1": DiracMethod("wasserstein", clip=1.0),
    "Wasserstein, two-sided GP": DiracMethod("wasserstein", "two_sided", weight=0.5),
    "Wasserstein, two-sided GP, 5 critic steps": DiracMethod(
        "wasserstein", "two_sided", weight=0.5, n_critic=5
    ),
    "Wasserstein, one-sided GP": DiracMethod("wasserstein", "one_sided", weight=0.5),
    "Wasserstein, R1": DiracMethod("wasserstein", "r1", weight=1.0),
    "Wasserstein, instance noise": DiracMethod("wasserstein", noise=1.0),
    "non-saturating, R1": DiracMethod("non_saturating", "r1", weight=1.0),
    "non-saturating, R1 of weight 0.3": DiracMethod("non_saturating", "r1", weight=0.3),
    "non-saturating, R2": DiracMethod("non_saturating", "r2", weight=1.0),
    "non-saturating, R1 and R2": DiracMethod("non_saturating", "r1_r2", weight=1.0),
    "non-saturating, zero-centred GP": DiracMethod("non_saturating", "zero_centered", weight=0.5),
    "non-saturating, DRAGAN": DiracMethod("non_saturating", "dragan", weight=0.5),
    "relativistic, R1 and R2": DiracMethod("relativistic", "r1_r2", weight=1.0),
    "non-saturating, consensus": DiracMethod("non_saturating", consensus=1.0),
    "non-saturating, instance noise": DiracMethod("non_saturating", noise=1.0),
    "minimax, instance noise": DiracMethod("minimax", noise=1.0),
}

METHODS = _methods(CHOSEN)
"""What is compared; the setting of Mescheder et al. 2018 is h = 0.2 from (1, 1), 500 steps."""
