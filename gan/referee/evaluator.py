"""One evaluator per run: fixed real sets and latents, so that its numbers are comparable in time.

The validation split chooses checkpoints and is used while training; the test split is reported.
"""

import functools
import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gan import transport
from gan.config import Config
from gan.networks import Network
from gan.objectives.penalties import interpolates, slopes
from gan.referee import critics as referee
from gan.referee import distances
from gan.scores import asked, modes, needs

MODE_SAMPLES = 2500
NEIGHBOUR_REFERENCES = 60_000
RESAMPLES = 40
PERMUTATIONS = 199


class Evaluator:
    """Scores generator and critic parameters against one held-out split.

    The n real examples of the split, the other real sets (drawn from the training split, disjoint
    from each other) and the latents depend on (split, n) only, never on the run's seed.

    Args:
        config: gives evaluation_size and evaluation_repeats.
        dataset: what gan.data.load returns.
        generator, critic: pure networks.
        split: "validation" or "test".

    Attributes:
        real: the held-out examples [n, *shape], and `real_labels`, int32 [n], of a conditional run.
        labels: the classes asked for in each generated set, int32 [n] each; drawn from the
            empirical class distribution. Empty for an unconditional run.

    Raises:
        UserError: if the data set is too small to compare two examples with two others.
    """

    def __init__(self, config: Config, dataset, generator: Network, critic: Network, split: str):
        self.split = split
        self.dataset = dataset
        trained_on = dataset.size("train")
        self.n = min(config.evaluation_size, dataset.size(split), trained_on // 2)
        needs.check(config, dataset)
        repeats = max(2, config.evaluation_repeats)
        draw = np.random.default_rng(0)
        rows = draw.permutation(dataset.size(split))[: self.n]
        self.real, real_labels = dataset.examples(split, rows)
        order = draw.permutation(trained_on)
        pieces = min(repeats, trained_on // self.n)
        self.others = [
            dataset.examples("train", order[i * self.n : (i + 1) * self.n])[0]
            for i in range(pieces)
        ]
        self.references = order[:NEIGHBOUR_REFERENCES]
        keys = jax.random.split(jax.random.key(2**31), repeats)
        classes = np.random.default_rng(1)

        def inputs(key, count: int, classes) -> tuple:
            """Latents, and for a conditional generator the labels of random training examples."""
            latents = jax.random.normal(key, (count, config.latent_dim))
            if not config.conditional:
                return (latents,)
            drawn = classes.integers(0, trained_on, count)
            return latents, dataset.examples("train", drawn)[1]

        self._inputs = [inputs(key, self.n, classes) for key in keys]
        self._extra = inputs(jax.random.key(2**31 + 1), MODE_SAMPLES, classes)
        self._fresh_inputs = inputs
        self.labels = [labels for _, *drawn in self._inputs for labels in drawn]
        self.real_labels = real_labels if config.conditional else None
        self._generate = jax.jit(generator.apply)

        def scores_and_gradients(params, x, *given):
            def total(x):
                scores = critic.apply(params, x, *given)
                return jnp.sum(scores), scores

            gradients, scores = jax.grad(total, has_aux=True)(x)
            return scores, gradients

        def slopes_between(params, real, fake, *given):
            points = interpolates(real, fake, jax.random.key(0))
            return slopes(lambda x: critic.apply(params, x, *given), points)

        self._criticise = jax.jit(scores_and_gradients)
        self._slopes = jax.jit(slopes_between)
        self._reference = distances.reference(self.real, self.others)

    def generated(self, params) -> list[np.ndarray]:
        """The independent generated sets [n, *shape] that every score is computed from."""
        return [np.asarray(self._generate(params, *inputs)) for inputs in self._inputs]

    def sample(self, params, count: int) -> np.ndarray:
        """Generated examples [count, *shape], independent of `generated`; the first of them do not
        depend on how many are asked for."""
        blocks = []
        for block in range(-(-count // self.n)):
            key = jax.random.fold_in(jax.random.key(2**31 + 2), block)
            inputs = self._fresh_inputs(key, self.n, np.random.default_rng([2, block]))
            blocks.append(np.asarray(self._generate(params, *inputs)))
        return np.concatenate(blocks)[:count]

    def class_shares(self, params, classifier) -> dict:
        """How often a conditional generator makes the class that it is asked for; see
        gan.scores.asked."""
        found = asked.shares(
            functools.partial(self._generate, params),
            self._inputs[0][0].shape[1],
            self.dataset,
            classifier,
            self.split,
        )
        return asked.entries(found)

    def __call__(self, generator_params, critic_params) -> dict[str, float | int]:
        """Scores by name; MEANINGS explains each in a sentence."""
        fakes = self.generated(generator_params)
        solutions = [transport.assignment(fake, self.real) for fake in fakes]
        found = distances.distance(
            fakes,
            self._reference,
            resamples=0,
            permutations=0,
            values=[solution.value for solution in solutions],
        )
        scores = {
            "n": self.n,
            "w1": found.value,
            "w1_spread": found.spread,
            "w1_floor": found.floor,
            "w1_floor_spread": found.floor_spread,
            "w1_debiased": found.debiased,
            **self.certificate(generator_params, critic_params, fakes, solutions),
        }
        if self.dataset.modes is not None:
            points = np.asarray(self._generate(generator_params, *self._extra))
            counted = modes.count_modes(
                points, self.dataset.modes.centers, self.dataset.modes.sigma
            )
            scores |= {
                "modes": counted.covered,
                "modes_total": counted.total,
                "high_quality": counted.high_quality,
                "reverse_kl": counted.reverse_kl,
            }
        return scores

    def certificate(self, generator_params, critic_params, fakes, solutions) -> dict[str, float]:
        """What exact transport proves about a critic, and its slopes.

        Args:
            generator_params, critic_params: of the players.
            fakes: `generated(generator_params)`.
            solutions: `transport.assignment(fake, self.real)` of each of them.
        """
        given = () if self.real_labels is None else (self.real_labels,)
        judge = functools.partial(self._criticise, critic_params)
        real_scores, _ = jax.device_get(judge(self.real, *given))
        judged = [
            jax.device_get(judge(fake, *drawn))
            for fake, (_, *drawn) in zip(fakes, self._inputs, strict=True)
        ]
        proof = referee.certify(
            self.real, fakes, real_scores, *zip(*judged, strict=True), solutions
        )
        own = referee.prices(self.others[0], fakes[1])
        yardstick = referee.certify(
            self.real,
            fakes[:1],
            own(self.real),
            [own(fakes[0])],
            [np.zeros_like(fakes[0])],
            solutions[:1],
        )
        # Slopes are between examples of one class, as in training.
        latents, *_ = self._inputs[0]
        paired = self._generate(generator_params, latents, *given)
        between = self._slopes(critic_params, jnp.asarray(self.real), paired, *given)
        low, middle, high = np.percentile(between, (5, 50, 95))
        return {
            "w1_estimate": proof.estimate,
            "critic_share": proof.share,
            "yardstick_share": yardstick.share,
            "c_transform_bound": proof.c_transform_bound,
            "duality_gap": proof.duality_gap,
            "gradient_cosine": proof.gradient_cosine,
            "lipschitz": proof.lipschitz,
            "slope_5": float(low),
            "slope_50": float(middle),
            "slope_95": float(high),
        }

    def uncertainty(self, generator_params) -> dict[str, float]:
        """Intervals over resamples and p-value of W1, and sliced W1 with the same: for reports,
        since it takes many times as long as the distance itself."""
        fakes = self.generated(generator_params)
        exact = distances.distance(
            fakes, self._reference, resamples=RESAMPLES, permutations=PERMUTATIONS
        )
        reference = distances.reference(self.real, self.others, metric="sliced")
        sliced = distances.distance(fakes, reference, resamples=RESAMPLES, permutations=0)
        return {
            "w1_low": exact.interval.low,
            "w1_high": exact.interval.high,
            "w1_debiased_low": exact.debiased_interval.low,
            "w1_debiased_high": exact.debiased_interval.high,
            "p_value": exact.p_value,
            "sliced_w1": sliced.value,
            "sliced_w1_floor": sliced.floor,
            "sliced_w1_debiased": sliced.debiased,
            "sliced_w1_debiased_low": sliced.debiased_interval.low,
            "sliced_w1_debiased_high": sliced.debiased_interval.high,
        }

    def feature_distances(self, generator_params, features: Callable, name: str) -> dict[str, dict]:
        """W1 between features, and debiased, each with interval, n and what real examples get.

        Args:
            generator_params: of the generator.
            features: [n, *shape] -> [n, k].
            name: how a table calls them.
        """
        reference = distances.reference(self.real, self.others, features=features)
        found = distances.distance(
            self.generated(generator_params),
            reference,
            resamples=RESAMPLES,
            permutations=PERMUTATIONS,
        )
        real = distances.distance(self.others, reference, resamples=0, permutations=0)
        common = {"n": found.n, "features": name}
        return {
            "feature_w1": {
                "value": found.value,
                "interval": list(found.interval),
                "real": found.floor,
                "p_value": found.p_value,
                **common,
            },
            "feature_w1_debiased": {
                "value": found.debiased,
                "interval": list(found.debiased_interval),
                "real": real.debiased,
                **common,
            },
        }

    def memorisation(self, generator_params) -> dict[str, float]:
        """Is the training set closer than it should be? Scores against the training split.

        A generator that copies has nearest_train far below nearest_train_real, and w1_train far
        below w1_train_floor.
        """
        fakes = self.generated(generator_params)
        references = self.dataset.examples("train", self.references)[0]
        to_train = distances.nearest(fakes[0], references)[0]
        to_train_real = distances.nearest(self.real, references)[0]
        scores = {
            "nearest_train": float(np.median(to_train)),
            "nearest_train_real": float(np.median(to_train_real)),
        }
        if len(self.others) > 1:
            pairs = itertools.combinations(self.others, 2)
            against = [distances.w1(x, y) for x, y in zip(fakes, self.others, strict=False)]
            scores |= {
                "w1_train": float(np.mean(against)),
                "w1_train_floor": float(np.mean([distances.w1(x, y) for x, y in pairs])),
            }
        return scores

    def neighbours(self, generator_params, rows: int, count: int) -> np.ndarray:
        """Generated examples, each followed by its nearest training examples.

        Returns:
            [rows, 1 + count, *shape] float32.
        """
        fakes = self.generated(generator_params)[0][:rows]
        references = self.dataset.examples("train", self.references)[0]
        _, indices = distances.nearest(fakes, references, count)
        return np.concatenate([fakes[:, None], references[indices]], axis=1)


MEANINGS = asked.MEANINGS | {
    "step": "Generator steps behind the evaluated checkpoint.",
    "split": "The split of real data compared with; it took no part in training.",
    "n": "Examples in every compared set; distances between samples depend on it.",
    "w1": "Exact Wasserstein-1 distance from generated examples to held-out real ones: the mean "
    "distance an example travels under the cheapest one-to-one matching. Lower is better, down to "
    "the floor.",
    "w1_spread": "Standard deviation of w1 over independent generated sets.",
    "w1_floor": "What w1 would be for a perfect generator: the same distance from other real "
    "examples to the held-out ones.",
    "w1_floor_spread": "Standard deviation of w1_floor over sets of other real examples.",
    "w1_debiased": "w1 less half the distances within the real and within the generated sets: near "
    "0 for a perfect generator, clearly positive for one that misses or repeats examples.",
    "w1_estimate": "What the critic believes w1 is: its mean score of the real examples less that "
    "of the generated ones (the negative critic loss without penalty). Compare it with w1.",
    "critic_share": "Certified share of w1: what the critic, scaled down to slope 1 (w1_estimate / "
    "lipschitz), proves of the exact distance between the compared sets. At most 1; scaling the "
    "critic does not change it.",
    "yardstick_share": "critic_share of the referee's own critic, the exact transport prices of as "
    "many other examples. A critic below it is not trained enough.",
    "c_transform_bound": "Lower bound on w1 that the critic's scores prove without any scaling; "
    "negative when its slopes are far from 1.",
    "duality_gap": "What is left of w1 beyond the scaled critic's value: exactly the critic's half "
    "of the game's duality gap.",
    "gradient_cosine": "How well the critic's gradient at generated examples points where exact "
    "transport moves them: 1 is perfect, 0 is no better than chance.",
    "lipschitz": "Largest slope of the critic between any two of the compared examples.",
    "slope_5": "5th percentile of the critic's slope between real and generated examples; the "
    "penalty asks for slopes near its target.",
    "slope_50": "Median of the critic's slope between real and generated examples.",
    "slope_95": "95th percentile of the critic's slope between real and generated examples.",
    "w1_low": "Lower end of a 95 % interval of w1 over other samples of the same n.",
    "w1_high": "Upper end of that interval.",
    "w1_debiased_low": "Lower end of a 95 % interval of w1_debiased over other samples.",
    "w1_debiased_high": "Upper end of that interval.",
    "p_value": "Probability of a w1_debiased as high, were generated and real examples of one law: "
    "a permutation test on 256 examples a set, which can say 0.005 at the least.",
    "sliced_w1": "Mean W1 between projections of generated and real examples on 256 fixed "
    "directions; sees less than w1, but has a far lower floor.",
    "sliced_w1_floor": "What sliced_w1 would be for a perfect generator.",
    "sliced_w1_debiased": "sliced_w1 less half the distances within the real and within the "
    "generated sets.",
    "sliced_w1_debiased_low": "Lower end of a 95 % interval of sliced_w1_debiased.",
    "sliced_w1_debiased_high": "Upper end of that interval.",
    "nearest_train": "Median distance from a generated example to its nearest training example; "
    "far below nearest_train_real it means copying.",
    "nearest_train_real": "The same median for held-out real examples.",
    "w1_train": "w1 against training examples in place of held-out ones; below w1_train_floor it "
    "means memorising.",
    "w1_train_floor": "Mean distance between disjoint sets of training examples.",
    "modes": "Mixture components with a generated point within three standard deviations.",
    "modes_total": "Mixture components in all.",
    "high_quality": "Share of generated points within three standard deviations of a component.",
    "reverse_kl": "How unevenly those points spread over the components, in nats; 0 is even.",
}
"""What every number of an evaluation means, one or two sentences each."""
