"""The certificate, its file, and the checks that make it well-formed."""

import dataclasses
import hashlib
import io
import json
import math
import os
import stat
import zipfile

import numpy as np

from gan.errors import UserError
from gan.files import replacing

_VERSION = 1
_MEMBERS = {"assignment": ("columns", "v"), "plan": ("rows", "columns", "mass", "v")}


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A plan, a dual vector, and what they are about.

    Attributes:
        header: kind ("assignment" or "plan"), cost, n, m, dtype and sha256 of both sets, total
            mass in the unit of `mass`, and the bounds that the solver claims.
        rows, columns: [k] int32, the arcs of the plan; an assignment has rows 0 ... n - 1.
        mass: [k] int64 or float64 on the arcs; an assignment has ones.
        v: [m] float64 or int64.
    """

    header: dict
    rows: np.ndarray
    columns: np.ndarray
    mass: np.ndarray
    v: np.ndarray

    def save(self, path) -> None:
        """Writes a .npz file that `load` reads back; an assignment stores its permutation and v."""
        arrays = {name: getattr(self, name) for name in _MEMBERS[self.header["kind"]]}
        with replacing(path) as file:
            np.savez(file, header=np.array(json.dumps(self.header)), **arrays)


def load(path) -> Certificate:
    """Reads a certificate. Takes no more memory than a few times the size of the file.

    Raises:
        UserError: if the file cannot be read or is not a well-formed certificate.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe or a device may never end
            raise UserError(f"cannot read the certificate {path}: it is no regular file")
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise UserError(f"cannot read the certificate {path}: {error.strerror}") from error
    except ValueError as error:  # a name that no file can have
        if isinstance(error, UserError):
            raise
        raise UserError(f"cannot read the certificate {path!r}: {error}") from error
    try:
        return checked(_parsed(content))
    except UserError as error:
        raise UserError(f"{path} is not a certificate of optimal transport: {error}") from error
    except Exception as error:  # whatever a damaged file makes the parsers raise
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"{path} is not a certificate of optimal transport: {reason[0][:200]}"
        ) from error


def _parsed(content: bytes) -> Certificate:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        header = json.loads(str(_array(archive, "header", "U").item()), parse_constant=_refuse)
        if not isinstance(header, dict) or header.get("kind") not in _MEMBERS:
            raise UserError("its header names no kind of certificate")
        if header.get("version") != _VERSION:
            raise UserError(f"it has version {header.get('version')!r}, this code reads {_VERSION}")
        arrays = {name: _array(archive, name, "iuf") for name in _MEMBERS[header["kind"]]}
    if header["kind"] == "assignment":
        size = len(arrays["columns"])
        arrays |= {"rows": np.arange(size, dtype=np.int32), "mass": np.ones(size, np.int64)}
    return Certificate(header, **arrays)


def _array(archive: zipfile.ZipFile, name: str, kinds: str) -> np.ndarray:
    """An array as NumPy's savez stores it, uncompressed, so that it is no larger than its file."""
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise UserError(f"{name} is compressed")
    data = archive.read(info)
    file = io.BytesIO(data)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(file)]
    shape, fortran, dtype = read(file)
    if dtype.kind not in kinds or dtype.hasobject or len(shape) > 1 or fortran:
        raise UserError(f"{name} has dtype {dtype} and shape {shape}")
    if math.prod(shape) * dtype.itemsize != len(data) - file.tell():
        raise UserError(f"{name} is not as long as it says")
    return np.frombuffer(data, dtype, offset=file.tell()).reshape(shape)


def _refuse(constant: str):
    raise UserError(f"its header holds {constant}")


def checked(certificate: Certificate) -> Certificate:
    """The same certificate if it is well-formed: fields and arrays of the right types and ranges.

    Nothing is said about whether it is true.

    Raises:
        UserError: otherwise; says which field.
    """
    header = certificate.header
    if not isinstance(header, dict):
        raise UserError("the header must be a dictionary")
    for name, good in _FIELDS.items():
        if name not in header or not good(header[name]):
            raise UserError(f"the header's {name!r} is missing or no {_WANTED[name]}")
    n, m = header["n"], header["m"]
    for name in ("rows", "columns", "mass", "v"):
        array = getattr(certificate, name)
        kinds = "iuf" if name in ("mass", "v") else "iu"
        what = f"vector of {'numbers' if 'f' in kinds else 'integers'} of at most 64 bits"
        if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
            raise UserError(f"{name} must be an array")
        if array.ndim != 1 or array.dtype.kind not in kinds or array.dtype.itemsize > 8:
            raise UserError(f"{name} must be a {what}")
    rows, columns, mass = certificate.rows, certificate.columns, certificate.mass
    if not (len(rows) == len(columns) == len(mass)):
        raise UserError("the plan's rows, columns and masses must have the same length")
    for array, size in ((rows, n), (columns, m)):
        if len(array) and not (int(array.min()) >= 0 and int(array.max()) < size):
            raise UserError("the plan has arcs outside the point sets")
    if not np.isfinite(mass).all() or (mass < 0).any():
        raise UserError("the plan's masses must be finite and not negative")
    if len(certificate.v) != m or not np.isfinite(certificate.v).all():
        raise UserError(f"v must be {m} finite numbers")
    return certificate


def identity(array: np.ndarray) -> dict:
    """What a certificate remembers of a point set: dtype, shape and a hash of its bytes."""
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": digest}


def issue(x, y, cost_name, rows, columns, mass, total, v, bounds, kind) -> Certificate:
    """The certificate of a plan and a dual vector for the raw sets x and y.

    Args:
        x, y: the sets as the caller of the solver gave them.
        rows, columns, mass: the plan's arcs, mass / total being the transported weights.
        total: mass of the whole plan, in the unit of `mass`, that corresponds to weight 1 (int),
            or 1.0 when the masses are weights.
        v: [m] dual vector.
        bounds: the solver's own (lower, upper).
        kind: "assignment" or "plan".
    """
    x, y = np.asarray(x), np.asarray(y)
    header = {
        "version": _VERSION,
        "kind": kind,
        "cost": cost_name,
        "n": len(x),
        "m": len(y),
        "x": identity(x),
        "y": identity(y),
        "total": total,
        "claimed": {"lower": bounds[0], "upper": bounds[1]},
    }
    return Certificate(
        header, np.asarray(rows, np.int32), np.asarray(columns, np.int32), np.asarray(mass), v
    )


def _count(value) -> bool:
    return type(value) is int and 0 < value < 2**62


def _number(value) -> bool:
    if type(value) is int:
        return abs(value) < 2**1023
    return isinstance(value, float) and math.isfinite(value)


def _is_identity(value) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"dtype", "shape", "sha256"}
        and isinstance(value["dtype"], str)
        and isinstance(value["sha256"], str)
        and isinstance(value["shape"], list)
        and all(type(size) is int for size in value["shape"])
    )


def _is_claim(value) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"lower", "upper"}
        and all(map(_number, value.values()))
    )


_FIELDS = {
    "kind": lambda value: value in ("assignment", "plan"),
    "cost": lambda value: isinstance(value, str),
    "n": _count,
    "m": _count,
    "x": _is_identity,
    "y": _is_identity,
    "total": lambda value: _count(value) or (isinstance(value, float) and 0 < value < math.inf),
    "claimed": _is_claim,
}
_WANTED = {
    "kind": "'assignment' or 'plan'",
    "cost": "name",
    "n": "positive integer below 2^62",
    "m": "positive integer below 2^62",
    "x": "dtype, shape and sha256",
    "y": "dtype, shape and sha256",
    "total": "positive number",
    "claimed": "finite 'lower' and 'upper'",
}
