"""A data set that a config may name: how it is loaded, what of the config it reads, its test case.

A data set is one assignment of a `Source`, in a module of this package or of anybody's.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from gan.config import Config, Data
from gan.data.dataset import RawImages
from gan.data.measure import Law
from gan.errors import UserError
from gan.inputs import shown
from gan.registry import Entry

IMAGES = ("image_size", "dequantize", "stream")
"""Fields of config.Data that every set of images reads."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A data set in miniature, for the tests.

    Attributes:
        shape: of one example, of the miniature and of the set itself.
        classes: number of classes, likewise.
        fingerprint: of the miniature; to a run directory, other digits are other data. The test
            that compares it, tests/data/test_sources.py, shows what it is.
        load: load(folder) -> what the entry's `load` returns, from little that it writes below the
            empty folder, which is also $TFDS_DATA_DIR; None where the set itself is small and at
            hand.
    """

    shape: tuple[int, ...]
    classes: int
    fingerprint: str
    load: Callable[[Path], RawImages | Law] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source(Entry):
    """What `data.name` names.

    Attributes:
        load: load(choice, data_dir) -> raw images or a law; see gan.data.load for both arguments
            and for the errors.
        reads: fields of config.Data, beside the name, that have a meaning for it; others must keep
            their defaults.
        licence: of the data, in words, with whoever says so; "" where nobody is known to.
        case: how it is tested.
    """

    load: Callable[[Data, str | None], RawImages | Law]
    reads: tuple[str, ...] = IMAGES
    licence: str = ""
    case: Case

    def check(self, config: Config, part: Data) -> None:
        """As of any entry; first what `check_choice` refuses."""
        self.check_choice(part)
        super().check(config, part)

    def check_choice(self, choice: Data) -> None:
        """Raises UserError if the config.Data that names the set sets what it does not read."""
        default = Data()
        for field in dataclasses.fields(Data):
            value = getattr(choice, field.name)
            if field.name in ("name", *self.reads) or value == getattr(default, field.name):
                continue
            if field.name == "stream" and value == "never":  # which a law is in any case
                continue
            name = shown(choice.name)
            if field.name in IMAGES:
                raise UserError(
                    f"data.{field.name} is for images; {name} is a distribution in the plane"
                )
            raise UserError(f"data.{field.name} goes with data.name 'folder', not with {name}")
