"""An architecture: the flax modules of its players, what they need of a config, and its test case.

An architecture is one module of this package (or of anybody's) that assigns one `Architecture`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from gan.config import Config, Network
from gan.registry import Entry, Rule, refuse


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """How the tests make an architecture small, and how many parameters it has.

    Attributes:
        small: fields of a config.Network with which it compiles quickly, on 8 x 8 grey images too.
        counted: fields with which its parameters are counted.
        counts: for each shape that it makes, the scalars of generator and critic at a latent of
            16; None for a player that it has not. A shape of three numbers is one of images.
            tests/networks/test_architectures.py compares them, and shows what they are.
        conditional_counts: the same with 10 classes.
        broken: for each of `rules` and then of `spec_rules`, a change of the config that breaks it,
            as in {"precision": "bfloat16"} or, of the player itself, {"weights": "spectral"}.
        slow: whether the tests that compile whole rounds of it are left to the slow ones.
    """

    small: dict[str, Any]
    counted: dict[str, Any]
    counts: dict[tuple[int, ...], tuple[int | None, int | None]] = dataclasses.field(
        default_factory=dict
    )
    conditional_counts: dict[tuple[int, ...], tuple[int | None, int | None]] = dataclasses.field(
        default_factory=dict
    )
    broken: tuple[dict[str, Any], ...] = ()
    slow: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture(Entry):
    """What `generator.name` or `critic.name` names; a player that it has not is None.

    Attributes:
        generator, critic: (spec, shape) -> flax module, spec being a config.Network and shape that
            of one example; latents [b, d] -> examples [b, *shape], images in [-1, 1], and examples
            -> scores [b].
        conditional_generator, conditional_critic: (spec, shape, classes) -> flax module that takes
            labels beside its input; see gan.networks.labels.
        spec_rules: constraints on the config.Network that names the architecture, for either
            player; `rules` are those on the whole config.
        case: how it is tested.
    """

    generator: Callable[..., Any] | None = None
    critic: Callable[..., Any] | None = None
    conditional_generator: Callable[..., Any] | None = None
    conditional_critic: Callable[..., Any] | None = None
    spec_rules: tuple[Rule, ...] = ()
    case: Case

    def check(self, config: Config, part: Network) -> None:
        """As of any entry; first what `check_spec` refuses."""
        self.check_spec(part)
        super().check(config, part)

    def check_spec(self, spec: Network) -> None:
        """Raises UserError if the config.Network that names the architecture breaks a rule."""
        refuse(self.spec_rules, spec)
