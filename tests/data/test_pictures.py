"""Files as pictures: formats by content, modes, sizes, and what is never tried."""

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageCms

from gan.data import pictures
from tests.data.makers import random_images

EXACT = (".png", ".bmp", ".tif", ".tiff", ".ppm", ".pnm", ".jp2")


def decode(path, side=0, megapixels=179):
    with open(path, "rb") as file:
        return pictures.decode(file, path.suffix, side, megapixels)


def saved(tmp_path, image, name="x.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize("ending", EXACT)
def test_lossless_formats_keep_every_pixel(tmp_path, ending):
    array = random_images(0, 1, (5, 7, 3))[0]
    found = decode(saved(tmp_path, Image.fromarray(array), f"x{ending}"))
    assert found.size == (5, 7) and pictures.readable()[ending] == found.format
    assert_array_equal(found.pixels, array)


@pytest.mark.parametrize("ending", sorted(pictures.readable()))
def test_every_ending_is_read(tmp_path, ending):
    mode = {".pbm": "1", ".pgm": "L"}.get(ending, "RGB")
    smooth = np.linspace(0, 255, 16 * 16 * 3).reshape(16, 16, 3).astype(np.uint8)
    path = saved(tmp_path, Image.fromarray(smooth).convert(mode), f"x{ending}")
    found = decode(path)
    expected = np.asarray(Image.fromarray(smooth).convert(mode).convert("RGB")).astype(int)
    assert abs(found.pixels - expected).mean() < 8 and not found.animated


def test_formats_that_run_other_programs_are_never_tried(tmp_path, monkeypatch):
    Image.init()
    assert not pictures.FORMATS.keys() & {"EPS", "WMF", "PDF", "PSD", "FITS", "HDF5"}
    Image.new("RGB", (4, 4)).save(tmp_path / "x.eps")
    (tmp_path / "x.eps").rename(tmp_path / "x.png")
    tried = []
    accept = Image.OPEN["EPS"][1]
    monkeypatch.setitem(Image.OPEN, "EPS", (lambda *a: tried.append(a), accept))
    with pytest.raises(pictures.Unreadable, match="content is not PNG, nor another that is read"):
        decode(tmp_path / "x.png")
    assert not tried


def test_a_wrong_ending_does_not_matter_among_the_formats(tmp_path):
    array = random_images(0, 1, (5, 7, 3))[0]
    Image.fromarray(array).save(tmp_path / "x.bmp")
    (tmp_path / "x.bmp").rename(tmp_path / "x.jpg")
    found = decode(tmp_path / "x.jpg")
    assert found.format == "BMP"
    assert_array_equal(found.pixels, array)


@pytest.mark.parametrize("ending", [".png", ".tif", ".pgm"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path, ending):
    values = np.array([[0, 128, 129, 257], [385, 386, 65406, 65535]], np.uint16)
    found = decode(saved(tmp_path, Image.fromarray(values), f"x{ending}"))
    assert_array_equal(found.pixels[..., 0], [[0, 0, 1, 1], [1, 2, 254, 255]])
    assert found.stored_grey and found.pixels.shape == (2, 4, 1)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_values_without_a_range_are_refused(tmp_path, mode):
    with pytest.raises(pictures.Unreadable, match=f"32 bits per pixel .mode {mode}.*convert"):
        decode(saved(tmp_path, Image.new(mode, (4, 4)), "x.tif"))


@pytest.mark.parametrize("mode", ["P", "1", "L", "LA", "RGB", "RGBA"])
def test_grey_is_a_matter_of_pixels_not_of_modes(tmp_path, mode):
    grey = Image.fromarray(np.where(np.eye(6, dtype=bool), 0, 255).astype(np.uint8))
    ending = ".png"
    found = decode(saved(tmp_path, grey.convert(mode), f"x{ending}"))
    assert found.stored_grey == (mode in ("1", "L", "LA"))
    assert_array_equal(found.pixels[..., 0], np.asarray(grey))
    assert found.pixels.shape == (6, 6, 1)
    coloured = grey.convert("RGB")
    coloured.putpixel((3, 3), (0, 0, 1))
    assert decode(saved(tmp_path, coloured, f"y{ending}")).pixels.shape == (6, 6, 3)


def test_inks_and_lab_become_red_green_and_blue(tmp_path):
    inks = Image.new("CMYK", (3, 3), (10, 20, 30, 40))
    expected = np.rint((255 - np.array([10, 20, 30])) * (255 - 40) / 255)
    found = decode(saved(tmp_path, inks, "x.tif")).pixels[0, 0]
    assert abs(found - expected).max() <= 1
    lab = ImageCms.profileToProfile(
        Image.new("RGB", (3, 3), (200, 100, 50)),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    found = decode(saved(tmp_path, lab, "y.tif")).pixels[0, 0]
    assert abs(found.astype(int) - [200, 100, 50]).max() <= 3


@pytest.mark.parametrize("ending", [".gif", ".png", ".tif"])
def test_the_first_frame_of_an_animation_counts(tmp_path, ending):
    first, second = (Image.fromarray(array) for array in random_images(0, 2, (6, 6)))
    path = saved(tmp_path, first, f"x{ending}", save_all=True, append_images=[second])
    found = decode(path)
    assert found.animated
    assert_array_equal(found.pixels[..., 0], np.asarray(first))


def test_a_picture_larger_than_the_limit_is_refused_before_it_is_decoded(tmp_path):
    def chunk(kind, content):
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", 20_000, 10_000, 8, 2, 0, 0, 0)
    path = tmp_path / "wide.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x" * 20))
    limit = Image.MAX_IMAGE_PIXELS
    message = r"200.0 megapixels \(20000 x 10000\); --data.largest_megapixels 200 allows it"
    with pytest.raises(pictures.Unreadable, match=message):
        decode(path, 8)
    with pytest.raises(pictures.Unreadable, match="is not a readable image"):
        decode(path, 8, megapixels=200)  # the limit passed, the content is broken
    assert Image.MAX_IMAGE_PIXELS == limit is not None


@pytest.mark.parametrize("allowed", [1, 2])
def test_the_limit_is_the_users(tmp_path, allowed, monkeypatch):
    path = saved(tmp_path, Image.new("L", (1001, 1000), 7))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # Pillow's own gives way
    if allowed == 2:
        assert decode(path, 4, megapixels=2).pixels.max() == 7
    else:
        with pytest.raises(pictures.Unreadable, match="megapixels"):
            decode(path, 4, megapixels=1)


def test_large_jpegs_are_decoded_at_a_reduced_size(tmp_path, monkeypatch):
    smooth = np.linspace(0, 255, 256 * 320 * 3).reshape(256, 320, 3).astype(np.uint8)
    path = saved(tmp_path, Image.fromarray(smooth), "x.jpg", quality=95)
    whole = decode(path, 16)
    sizes = []
    flat = pictures._flat
    monkeypatch.setattr(pictures, "_DRAFT_ABOVE", 1000)
    monkeypatch.setattr(pictures, "_ALONE_ABOVE", 1000)
    monkeypatch.setattr(pictures, "_flat", lambda i, k: sizes.append(i.size) or flat(i, k))
    reduced = decode(path, 16)
    assert sizes == [(40, 32)] and reduced.size == whole.size == (256, 320)
    assert abs(reduced.pixels.astype(int) - whole.pixels).max() <= 3


def test_reasons_never_name_a_buffer(tmp_path):
    good = io.BytesIO()
    Image.fromarray(random_images(0, 1, (32, 32, 3))[0]).save(good, "PNG")
    content = good.getvalue()
    for row, bad in enumerate([b"", b"x" * 99, content[:20], content[:900], b"\x89PNG\r\n\x1a\n"]):
        path = tmp_path / f"{row}.png"
        path.write_bytes(bad)
        with pytest.raises(pictures.Unreadable, match="is not a readable image: ") as caught:
            decode(path)
        assert "_io" not in str(caught.value) and "\n" not in str(caught.value)
