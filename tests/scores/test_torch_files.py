"""Files of torch.save are read to the bit; what is no such file, or would run something, is not."""

import io
import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from gan.scores import torch_files

CALLED = []


def called(*arguments):
    """What a pickle must not be able to call."""
    CALLED.append(arguments)


class Calling:
    """Pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def archive(content: bytes, **numbers: bytes) -> bytes:
    """A zip archive as torch.save writes it, around a pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("archive/data.pkl", content)
        for key, data in numbers.items():
            written.writestr(f"archive/data/{key}", data)
    return file.getvalue()


def row(content: bytes, keys=()) -> bytes:
    """The older form, around a pickle."""
    parts = [torch_files.MAGIC, torch_files.VERSION, {"little_endian": True}]
    return b"".join(pickle.dumps(part, 2) for part in parts) + content + pickle.dumps(list(keys), 2)


def tensor(
    count=6, offset=0, shape="K\x02K\x03\x86", strides="K\x03K\x01\x86", name="FloatStorage"
):
    """The pickle of a dict of one tensor "w", by hand; numbers are below 256."""
    stored = f"ctorch\n{name}\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK{chr(count)}"
    stored = "(X\x07\x00\x00\x00storage" + stored + "tQ"
    made = f"ctorch._utils\n_rebuild_tensor_v2\n({stored}K{chr(offset)}{shape}{strides}\x89)tR"
    return ("\x80\x02}X\x01\x00\x00\x00w" + made + "s.").encode("latin1")


SIX = np.arange(6, dtype="<f4")


@pytest.mark.parametrize("zipped", [True, False])
def test_what_pytorch_saves_is_read_to_the_bit(tmp_path, zipped):
    torch = pytest.importorskip("torch", reason="torch is not installed (extra: bench)")
    whole = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) / 7
    state = OrderedDict(
        whole=whole,
        turned=whole.permute(2, 0, 1),
        part=whole[:, 1:, ::2],
        scalar=torch.tensor(3),
        none=torch.zeros(0, 5),
        double=torch.randn(3, dtype=torch.float64),
        half=torch.randn(4).half(),
        truth=torch.tensor([True, False]),
        small=torch.tensor([[255, 0]], dtype=torch.uint8),
        learned=torch.nn.Parameter(torch.randn(2)),
    )
    state._metadata = OrderedDict({"": {"version": 1}})
    path = tmp_path / "a.pth"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    found = torch_files.read(path.read_bytes())
    assert list(found) == list(state)
    for name, array in found.items():
        expected = state[name].detach().numpy()
        assert array.dtype == expected.dtype and array.flags.c_contiguous
        np.testing.assert_array_equal(array, expected)


def test_a_file_by_hand_is_read():
    found = torch_files.read(archive(tensor(), **{"0": SIX.tobytes()}))
    np.testing.assert_array_equal(found["w"], SIX.reshape(2, 3))
    numbers = (6).to_bytes(8, "little") + SIX.tobytes()
    found = torch_files.read(row(tensor(), ["0"]) + numbers)
    np.testing.assert_array_equal(found["w"], SIX.reshape(2, 3))
    turned = tensor(shape="K\x03K\x02\x86", strides="K\x01K\x03\x86")
    found = torch_files.read(archive(turned, **{"0": SIX.tobytes()}))
    np.testing.assert_array_equal(found["w"], SIX.reshape(2, 3).T)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (tensor(offset=1), "beyond its numbers"),
        (tensor(strides="K\xffK\x01\x86"), "beyond its numbers"),
        (tensor(shape="K\xffK\x03\x86", strides="K\x00K\x00\x86"), "beyond its numbers"),
        (tensor(shape="K\x02K\x03\x86".replace("K\x02", "J\xfe\xff\xff\xff")), "row of counts"),
        (tensor(strides="K\x01\x85"), "without a shape"),
        (tensor(shape="\x88K\x03\x86"), "row of counts"),
        (tensor(count=5), "were announced"),
        (tensor(name="HalfStorage"), "were announced"),
        (tensor(name="BFloat16Storage"), "by name: 'torch.BFloat16Storage'"),
        (pickle.dumps({}), "no tensors"),
        (pickle.dumps([1]), "no tensors"),
        (pickle.dumps({"w": 1}), "more than tensors by name: 'w'"),
        (tensor()[:-4], "no undamaged file"),
        (b"", "no undamaged file"),
    ],
)
def test_what_is_damaged_or_reaches_elsewhere_is_refused(content, reason):
    with pytest.raises(ValueError, match=reason):
        torch_files.read(archive(content, **{"0": SIX.tobytes()}))
    with pytest.raises(ValueError):
        torch_files.read(row(content, ["0"]) + (6).to_bytes(8, "little") + SIX.tobytes())


def test_nothing_that_a_pickle_names_is_called(tmp_path):
    there = tmp_path / "there"
    attacks = [
        Calling(called, 1),
        Calling(os.mkdir, str(there)),
        Calling(eval, "called()"),
        Calling(pickle.loads, pickle.dumps(1)),
        Calling(getattr, OrderedDict, "fromkeys"),
    ]
    for attack in attacks:
        for protocol in (2, 4):
            content = pickle.dumps({"w": attack}, protocol)
            for whole in (archive(content), row(content), content):
                with pytest.raises(ValueError):
                    torch_files.read(whole)
    assert not there.exists() and CALLED == []


def test_a_pickle_cannot_ask_for_room_that_it_does_not_need():
    huge = tensor()[:2] + b"}r\xff\xff\xff\x7f" + tensor()[3:]
    with pytest.raises(ValueError, match="numbers its parts"):
        torch_files.read(archive(huge))
    with pytest.raises(ValueError, match="instruction BYTEARRAY8"):
        torch_files.read(archive(b"\x80\x05\x96" + (1).to_bytes(8, "little") + b"x."))


@pytest.mark.parametrize(
    "thing",
    [
        "ccollections\nOrderedDict\n",
        "ctorch._utils\n_rebuild_tensor_v2\n",
        "ctorch\nFloatStorage\n",
    ],
)
def test_a_pickle_cannot_change_what_it_is_handed(thing):
    """BUILD sets attributes of what is on the stack, with a state of its own choice."""
    for state in ("}X\x01\x00\x00\x00aK\x01s", "N}X\x01\x00\x00\x00aK\x01s\x86"):
        content = ("\x80\x02" + thing + state + "b.").encode("latin1")
        with pytest.raises(ValueError):
            torch_files.read(archive(content))
    assert not hasattr(OrderedDict, "a")
    np.testing.assert_array_equal(
        torch_files.read(archive(tensor(), **{"0": SIX.tobytes()}))["w"], SIX.reshape(2, 3)
    )


def test_every_cut_and_every_flipped_bit_of_an_archive_is_noticed():
    whole = archive(tensor(), **{"0": SIX.tobytes()})
    draw = np.random.default_rng(0)
    for end in draw.integers(0, len(whole), 40):
        with pytest.raises(ValueError):
            torch_files.read(whole[:end])
    start = whole.index(SIX.tobytes())
    for at in range(start, start + 24):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << draw.integers(8)
        with pytest.raises(ValueError, match="no undamaged file"):
            torch_files.read(bytes(damaged))


def test_whatever_is_in_a_file_ends_in_an_array_or_a_reason():
    draw = np.random.default_rng(1)
    numbers = (6).to_bytes(8, "little") + SIX.tobytes()
    for whole in (archive(tensor(), **{"0": SIX.tobytes()}), row(tensor(), ["0"]) + numbers):
        refused = 0
        for _ in range(400):
            damaged = bytearray(whole)
            for at in draw.integers(0, len(whole), 3):
                damaged[at] = draw.integers(256)
            try:
                assert torch_files.read(bytes(damaged)).keys()
            except ValueError as error:
                assert "\n" not in str(error) and len(str(error)) < 300
                refused += 1
        assert refused > 200


def test_a_compressed_archive_and_other_zip_files_are_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("archive/data.pkl", tensor())
        written.writestr("archive/data/0", SIX.tobytes())
    with pytest.raises(ValueError, match="compressed"):
        torch_files.read(file.getvalue())
    file = io.BytesIO()
    np.savez(file, w=SIX)
    with pytest.raises(ValueError, match="did not write"):
        torch_files.read(file.getvalue())
    with pytest.raises(ValueError, match="bytes too many"):
        numbers = (6).to_bytes(8, "little") + SIX.tobytes() + b"x"
        torch_files.read(row(tensor(), ["0"]) + numbers)
