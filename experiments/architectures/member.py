"""One training of the study, and what is measured of it."""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan import networks
from gan.config import Config
from gan.errors import NonFiniteError
from gan.precise import in_full
from gan.referee import Judged, Probe
from gan.referee.players import real_sets, scores_and_gradients
from gan.scores import classifier, inception_type
from gan.training import advance
from gan.training.adversarial import make_round
from gan.training.feed import make_feed
from gan.training.loop import make_chunk
from gan.training.state import Hyperparameters, start

SCORED = 1000
"""Generated examples that the inception-type score looks at."""

SHOWN = 16
"""Generated examples that are kept."""


class Judge:
    """The real side of every comparison, the same for all members.

    Args:
        dataset: what gan.data.load returns, with labels.
        n: examples of every set that exact distances are taken between; lowered to what there is.
        say: gets a line when the classifier has to be trained.
    """

    def __init__(self, dataset, n: int, say):
        sets = real_sets(dataset, "test", n, 2)
        self.probe = Probe(sets.real, sets.others)
        self.classifier = classifier.load_or_train(dataset, say=say)
        held_out = dataset.examples("test", np.arange(min(SCORED, dataset.size("test"))))[0]
        self.best = inception_type.inception_type_score(self.classifier.probabilities(held_out))

    def measure(self, images: np.ndarray, judged: Judged) -> dict[str, Any]:
        """Scores of generated images [SCORED + 2 n, *shape], and of a critic on the probe with the
        first n after SCORED."""
        scored, first, second = np.split(images, [SCORED, SCORED + self.probe.n])
        look = self.probe.compare([first, second], judged)
        probabilities = self.classifier.probabilities(scored)
        return {
            "score": inception_type.inception_type_score(probabilities),
            "w1": look.distance.value,
            "w1_floor": look.distance.floor,
            "w1_debiased": look.distance.debiased,
            "w1_probe": look.certificate.w1,
            "w1_estimate": look.certificate.estimate,
            "lipschitz": look.certificate.lipschitz,
            "critic_share": look.certificate.share,
        }


def train(config: Config, dataset, judge: Judge, stopping) -> tuple[dict, np.ndarray] | None:
    """Train and measure one member.

    Returns:
        (row, images): "state" is "finished", or "diverged" with the step and the quantity in
        "reason" and no scores; images are [SHOWN, *shape], none if diverged. None when `stopping()`
        said so.
    """
    begin = time.perf_counter()
    spent = time.process_time()
    generator, critic = networks.players(config, dataset.shape, dataset.class_names)
    state = start(config, generator, critic)
    feed = make_feed(dataset, config, state.key)
    chunk = make_chunk(make_round(config, generator, critic, feed.batch))
    row: dict[str, Any] = {
        f"{player}_parameters": networks.parameter_count(getattr(state, player))
        for player in ("generator", "critic")
    }
    images = np.zeros((0, *dataset.shape), np.float32)
    try:
        step = 0
        for pause in advance(
            chunk,
            state,
            Hyperparameters.of(config),
            feed,
            end=config.steps,
            cadences=[config.steps],
            stopping=stopping,
        ):
            step, state = pause.step, pause.state
        if step < config.steps:
            return None
        images, *parts = jax.device_get(_look(config, generator, critic, judge.probe)(state))
        if not all(np.isfinite(part).all() for part in (images, *parts)):
            raise NonFiniteError(f"step {step}: generated images or their scores")
        real_scores, scores, gradients = parts
        judged = Judged(real_scores, [scores], [gradients])
        row |= {"state": "finished"} | judge.measure(images, judged)
    except NonFiniteError as error:
        row |= {"state": "diverged", "reason": str(error)}
        images = images[:0]
    row["seconds"] = time.perf_counter() - begin
    row["processor_seconds"] = time.process_time() - spent
    return row, images[:SHOWN]


def _look(config: Config, generator, critic, probe: Probe):
    """state -> (images, scores of the real probe, of the generated one, and gradients there)."""
    z = jax.random.normal(jax.random.key(2**31), (SCORED + 2 * probe.n, config.latent_dim))
    real = jnp.asarray(probe.real)
    criticise = scores_and_gradients(critic.apply)

    @jax.jit
    @in_full
    def look(state):
        images = generator.apply(state.average, z)
        fake_scores, gradients = criticise(state.critic, images[SCORED : SCORED + probe.n])
        return images, critic.apply(state.critic, real), fake_scores, gradients

    return look
