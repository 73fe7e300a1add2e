"""The tensors in a file that torch.save wrote, read without PyTorch and without running anything.

Such a file is a pickle with the numbers beside it. A pickle is a program that may name any function
and call it. This one may use the instructions that torch.save needs and name three functions: the
two that put a tensor together from numbers, and an ordered dict. Everything else is refused. Both
forms are read: the zip archive (since PyTorch 1.6), and before it five pickles in a row, with the
numbers behind them.
"""

import collections
import io
import math
import pickle
import pickletools
import zipfile
from typing import Any, NamedTuple

import numpy as np

from gan.inputs import shown

ZIP = b"PK\x03\x04"
"""How a zip archive begins."""

MAGIC = 0x1950A86A20F9469CFC6C
"""The first number in the older form."""

VERSION = 1001
"""The second."""

TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}
"""NumPy's name of each kind of numbers."""

INSTRUCTIONS = frozenset(
    "PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINUNICODE "
    "SHORT_BINUNICODE EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST APPEND APPENDS EMPTY_DICT "
    "SETITEM SETITEMS GLOBAL STACK_GLOBAL REDUCE BUILD BINPERSID BINPUT LONG_BINPUT MEMOIZE BINGET "
    "LONG_BINGET".split()
)
"""What a pickle of torch.save is made of."""


def read(content: bytes) -> dict[str, np.ndarray]:
    """The tensors of a file by name.

    Args:
        content: what the file holds: a dict from names to tensors, as `state_dict()` gives.

    Returns:
        A copy of each tensor; shapes and types are those of PyTorch.

    Raises:
        ValueError: the content is damaged, is no such file, or holds more than tensors by name.
    """
    try:
        found = _from_zip(content) if content.startswith(ZIP) else _in_a_row(content)
        return {name: tensor.array() for name, tensor in found.items()}
    except _Refused as error:
        raise ValueError(str(error)) from error
    except Exception as error:  # whatever damage makes Python's parsers raise
        reason = f": {shown(str(error))}" if str(error) else ""
        raise ValueError(
            f"no undamaged file of torch.save ({type(error).__name__}{reason})"
        ) from error


class _Refused(ValueError):
    """What was wrong, in words of this module."""


class _Storage:
    """Numbers in a row; `data` is set when they have been read."""

    __slots__ = ("count", "data", "type")

    def __init__(self, type: str, count: int):
        if count < 0:
            raise _Refused(f"a row of {count} numbers")
        self.type, self.count = np.dtype(type), count
        self.data: np.ndarray | None = None

    @property
    def size(self) -> int:
        return self.count * self.type.itemsize

    def fill(self, data: bytes | memoryview) -> None:
        if len(data) != self.size:
            raise _Refused(f"{len(data)} bytes of numbers where {self.size} were announced")
        self.data = np.frombuffer(data, self.type)


class _Tensor(NamedTuple):
    """Where the numbers of a tensor are."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        """The tensor, copied; nothing outside its storage is looked at."""
        data, size = self.storage.data, math.prod(self.shape)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if data is None or size > self.storage.count or (size and last >= self.storage.count):
            raise _Refused("a tensor reaches beyond its numbers")
        if not size:
            return np.zeros(self.shape, self.storage.type)
        steps = [stride * data.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, steps)
        return np.array(view, order="C")


class _Together:
    """Stands for torch._utils._rebuild_tensor_v2; without attributes that a pickle could set."""

    __slots__ = ()

    def __call__(self, storage, offset, shape, strides, *rest):
        whole = (offset, *shape, *strides)
        if not isinstance(storage, _Storage) or len(shape) != len(strides):
            raise _Refused("a tensor without numbers or without a shape")
        if any(type(number) is not int or number < 0 for number in whole):
            raise _Refused("a tensor whose shape is no row of counts")
        return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Parameter:
    """Stands for torch._utils._rebuild_parameter: the tensor alone."""

    __slots__ = ()

    def __call__(self, tensor, *rest):
        return tensor


class _Unpickler(pickle.Unpickler):
    """Reads one pickle that refers to storages by key, collecting these."""

    def __init__(self, file: io.BytesIO):
        start = file.tell()
        for number, (code, argument, _) in enumerate(pickletools.genops(file)):
            if code.name not in INSTRUCTIONS:
                raise _Refused(f"it holds more than tensors by name: instruction {code.name}")
            if code.name.endswith("BINPUT") and argument > number:  # room for all below is made
                raise _Refused("it numbers its parts in an unknown way")
        file.seek(start)
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        # What is handed out here has nothing that a pickle could change and others would see.
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Together()
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _Parameter()
        if module == "torch" and name in TYPES:
            return TYPES[name]
        raise _Refused(f"it holds more than tensors by name: {shown(f'{module}.{name}')}")

    def persistent_load(self, reference: Any) -> _Storage:
        kind, type_name, key, _, count, *view = reference
        known = kind == "storage" and type_name in TYPES.values() and not any(view)
        if not known or type(key) is not str or type(count) is not int:
            raise _Refused("it refers to numbers in an unknown way")
        found = self.storages.setdefault(key, _Storage(type_name, count))
        if (found.type, found.count) != (np.dtype(type_name), count):
            raise _Refused("two tensors disagree about their numbers")
        return found

    def tensors(self) -> dict[str, _Tensor]:
        """The one object in the pickle."""
        found = self.load()
        if not isinstance(found, dict) or not found:
            raise _Refused("it holds no tensors by name")
        for name, tensor in found.items():
            if type(name) is not str or not isinstance(tensor, _Tensor):
                named = shown(name) if type(name) is str else f"a {type(name).__name__}"
                raise _Refused(f"it holds more than tensors by name: {named}")
        return found


def _from_zip(content: bytes) -> dict[str, _Tensor]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        pickles = [name for name in entries if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise _Refused("a zip archive that torch.save did not write")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise _Refused("a compressed archive, which torch.save does not write")
        folder = pickles[0].removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in entries and archive.read(order).strip() != b"little":
            raise _Refused("its numbers are big-endian")
        reader = _Unpickler(io.BytesIO(archive.read(pickles[0])))
        found = reader.tensors()
        for key, storage in reader.storages.items():
            storage.fill(archive.read(f"{folder}data/{key}"))
    return found


def _in_a_row(content: bytes) -> dict[str, _Tensor]:
    file = io.BytesIO(content)
    if _Unpickler(file).load() != MAGIC or _Unpickler(file).load() != VERSION:
        raise _Refused("no file of torch.save")
    if _Unpickler(file).load().get("little_endian") is not True:
        raise _Refused("its numbers are big-endian")
    reader = _Unpickler(file)
    found, keys = reader.tensors(), _Unpickler(file).load()
    if sorted(keys) != sorted(reader.storages):
        raise _Refused("the numbers of some tensors are missing")
    numbers, at = memoryview(content), file.tell()
    for key in keys:
        storage = reader.storages[key]
        if int.from_bytes(numbers[at : at + 8], "little") != storage.count:
            raise _Refused("it is cut off, or two of its parts disagree")
        at += 8
        storage.fill(numbers[at : at + storage.size])
        at += storage.size
    if at != len(content):
        raise _Refused(f"{len(content) - at} bytes too many at its end")
    return found
