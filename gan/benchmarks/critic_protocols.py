"""How long and on what critics are trained: the published protocol, and one that fits a laptop.

Published (Korotin et al. 2022): batches of 1024 fresh samples of both laws, learning rate 2e-4
throughout, and as many steps as each method was given there (`CriticMethod.published_steps`).
"""

import dataclasses
from typing import Literal

from gan.benchmarks.critic_methods import CriticMethod


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What all methods share.

    Attributes:
        batch_size: fresh samples of each law per step.
        steps: of every method; None takes each method's published number.
        learning_rate: times the method's `rate`.
        schedule: constant, or linear decay to zero at the last step.
        evaluation_size: fresh samples of each law that the metrics are means over.
    """

    batch_size: int
    steps: int | None
    learning_rate: float
    schedule: Literal["constant", "linear"]
    evaluation_size: int = 4096

    def of(self, method: CriticMethod) -> "Protocol":
        """The protocol with the steps and the learning rate that the method has under it."""
        return dataclasses.replace(
            self,
            steps=self.steps or method.published_steps,
            learning_rate=self.learning_rate * method.rate,
        )


PROTOCOLS = {
    "published": Protocol(1024, None, 2e-4, "constant"),
    "short": Protocol(256, 1500, 2e-3, "linear"),
}
"""By the name that --protocol takes."""
