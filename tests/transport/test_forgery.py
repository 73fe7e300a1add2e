"""No certificate, however forged, makes the verifier believe what is false; nor does a bad file."""

import collections
import io
import json
import zipfile

import numpy as np
import pytest

from gan import transport
from gan.errors import UserError
from gan.transport import certificates
from tests.transport import forgery

FORGERIES, FILES = 1500, 1500


def test_no_forgery_is_believed():
    counts = collections.Counter(
        forgery.attack(np.random.default_rng([1, number])) for number in range(FORGERIES)
    )
    assert min(counts["refused"], counts["held"]) > FORGERIES / 4 and counts["proved"] > 5


def test_a_forger_who_uses_rounding_is_not_believed():
    """With v near 2^62 a float64 difference c - v loses the cost: the worst permutation was once
    certified by it. And points above 2^53 that float64 takes for equal are told apart."""
    draw = np.random.default_rng(0)
    for d in (3, 6):
        x, y = draw.integers(0, 10, (2, 8, d)).astype(np.uint8)
        best = transport.assignment(x, y, "sqeuclidean")
        c = ((x[:, None].astype(int) - y[None]) ** 2).sum(-1)
        worst = transport.assignment(x, y, lambda s, t: -((s[:, None] - t[None]) ** 2).sum(-1))
        upper = c[np.arange(8), worst.permutation].mean()
        v = 2**62 - 512 + np.full(8, int(upper))
        bounds = transport.verify(_certificate(x, y, "sqeuclidean", worst.permutation, v), x, y)
        assert bounds.lower <= best.value < upper == bounds.upper
    x, y = np.array([[2**60], [2**60 + 64]]), np.array([[2**60 + 100], [2**60 + 10]])
    bounds = transport.verify(_certificate(x, y, "cityblock", [1, 0], [0, 0]), x, y)
    assert (bounds.lower, bounds.upper, bounds.integer) == (23.0, 23.0, True)
    bounds = transport.verify(_certificate(x, y, "euclidean", [1, 0], [0.0, 0.0]), x, y)
    assert bounds.lower <= 23 <= bounds.upper and bounds.gap < 1e-12


def test_a_huge_shift_of_the_potentials_does_not_widen_the_rounding():
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(2, 50, 8))
    best = transport.assignment(x, y)
    for shift in (0.0, 1e18, -1e300, 1e308):
        v = np.full(50, shift)
        bounds = transport.verify(_certificate(x, y, "euclidean", best.permutation, v), x, y)
        assert bounds.lower <= best.value <= bounds.upper
        assert bounds.rounding < 1e-12


@pytest.mark.parametrize("top", [2**53, 2**60, 2**63 - 1])
def test_integers_that_float64_cannot_hold_are_refused(top):
    x, y = np.array([[0], [top]]), np.array([[1], [2]])
    with pytest.raises(UserError, match="2.53"):
        transport.verify(_certificate(x, y, "cityblock", [0, 1], [0, 0]), x, y)
    with pytest.raises(UserError, match="exactly"):
        mixed = y.astype(np.float64)
        transport.verify(_certificate(x | 1, mixed, "euclidean", [0, 1], [0, 0]), x | 1, mixed)


def test_a_mask_is_not_ignored():
    x = np.ma.array(np.ones((2, 2)), mask=[[True, False], [False, False]])
    with pytest.raises(UserError, match="masked"):
        transport.verify(_certificate(x, x, "euclidean", [0, 1], [0.0, 0.0]), x, x)


def test_damaged_files_are_refused_in_a_line_or_prove_no_more(tmp_path):
    """Bytes changed, cut and moved, headers edited, members swapped or of other types."""
    draw = np.random.default_rng(2)
    x, y = draw.normal(size=(2, 6, 3))
    a = draw.dirichlet(np.ones(6))
    kinds = [(transport.assignment(x, y), None), (transport.plan(x, y, a, cost="euclidean"), a)]
    counts = collections.Counter()
    path = tmp_path / "c.npz"
    for number in range(FILES):
        solved, weights = kinds[number % 2]
        solved.certificate.save(path)
        path.write_bytes(_damaged(draw, path.read_bytes()))
        try:
            certificate = transport.load(path)
        except UserError as error:
            assert "\n" not in str(error) and str(path) in str(error)
            counts["refused"] += 1
            continue
        try:
            bounds = transport.verify(certificate, x, y, weights)
        except UserError:
            counts["refused later"] += 1
            continue
        counts["verified"] += 1
        if certificate.header["cost"] == "euclidean":
            assert bounds.lower <= solved.upper and solved.lower <= bounds.upper
    assert counts["refused"] > FILES / 4 and counts["verified"] > FILES / 20, counts


def test_a_file_cannot_ask_for_more_memory_than_it_has(tmp_path):
    """A declared shape of 10^12 numbers, and a member that is compressed a thousandfold."""
    draw = np.random.default_rng(3)
    solved = transport.assignment(*draw.normal(size=(2, 4, 2)))
    solved.certificate.save(tmp_path / "c.npz")
    with zipfile.ZipFile(tmp_path / "c.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    )
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        for name, content in (members | {"v.npy": buffer.getvalue()}).items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match="not as long as it says"):
        transport.load(tmp_path / "huge.npz")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match="compressed"):
        transport.load(tmp_path / "bomb.npz")


def _certificate(x, y, cost, permutation, v):
    n = len(x)
    return certificates.issue(
        x, y, cost, np.arange(n), permutation, np.ones(n, np.int64), n, np.asarray(v), (0, 0),
        "assignment",
    )  # fmt: skip


def _damaged(draw, content: bytes) -> bytes:
    kind = draw.integers(6)
    if kind == 0:
        changed = bytearray(content)
        for place in draw.integers(0, len(content), draw.integers(1, 4)):
            changed[place] ^= 1 << draw.integers(8)
        return bytes(changed)
    if kind == 1:
        return content[: draw.integers(len(content))]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        arrays = {name[:-4]: np.load(io.BytesIO(archive.read(name))) for name in archive.namelist()}
    name = str(draw.choice(list(arrays)))
    if kind == 2:
        del arrays[name]
    elif kind == 3:
        header = json.loads(arrays["header"].item())
        key = str(draw.choice(list(header)))
        odd = [None, True, -1, 0, 1.5, 2**70, "x", [], {}, [[]], float("nan"), 1e308, {"dtype": 3}]
        header[key] = odd[draw.integers(len(odd))]
        if draw.random() < 0.2:
            del header[key]
        arrays["header"] = np.array(json.dumps(header))
    elif kind == 4:
        other = str(draw.choice(list(arrays)))
        arrays[name], arrays[other] = arrays[other], arrays[name]
    else:
        array = arrays[name]
        odd = [
            lambda: array[..., None],
            lambda: np.asfortranarray(np.ones((3, 2))),
            lambda: np.array(3),
            lambda: np.zeros(6, [("f", "<f8")]),
            lambda: np.ones(6, complex),
            lambda: np.ones(6, bool),
            lambda: np.array(["a"] * 6),
            lambda: np.array(["a"] * 6, object),
            lambda: np.array([b"\xff"] * 6),
            lambda: np.zeros(6, "M8[s]"),
            lambda: np.zeros(6, np.longdouble),
            lambda: np.zeros(0),
        ]
        arrays[name] = odd[draw.integers(len(odd))]()
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()
