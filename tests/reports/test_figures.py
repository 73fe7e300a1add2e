import os

import numpy as np
from PIL import Image

from gan.reports import figures
from gan.reports import page as report


def test_a_grid_holds_every_image_in_its_place():
    images = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 60, 60, 3), np.uint8)
    grid = figures.image_grid(images, columns=3, gap=2)
    assert grid.shape == (2 * 62 + 2, 3 * 62 + 2, 3)
    for i in range(6):
        tile = grid[2 + 62 * (i // 3) :, 2 + 62 * (i % 3) :][:60, :60]
        assert np.all(tile == i)
    assert np.all(grid[:2] == 255) and np.all(grid[:, :2] == 255)


def test_small_images_keep_their_pixels_and_tiny_ones_are_smoothed():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (1, 24, 24, 1), dtype=np.uint8)
    grid = figures.image_grid(small, columns=1, gap=0)
    np.testing.assert_array_equal(grid, small[0].repeat(2, 0).repeat(2, 1))
    flat = np.full((1, 8, 8, 1), 77, np.uint8)
    np.testing.assert_array_equal(figures.image_grid(flat, 1, gap=0), np.full((48, 48, 1), 77))


def test_certified_shares_have_a_panel_of_their_own(tmp_path):
    names = ("w1", "w1_floor", "w1_debiased", "w1_estimate", "w1_estimate_batch")
    plain = [{"step": step, **dict.fromkeys(names, 1.0)} for step in (1, 2)]
    figures.save_distance_curves(str(tmp_path / "plain.png"), plain)
    judged = [r | {"critic_share": 0.5, "reference_share": -0.1} for r in plain]
    figures.save_distance_curves(str(tmp_path / "judged.png"), judged)
    sizes = [Image.open(tmp_path / f"{name}.png").size for name in ("plain", "judged")]
    assert sizes[0][0] == sizes[1][0] and sizes[0][1] < sizes[1][1]


def test_pictures_are_read_back(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 1), dtype=np.uint8)
    figures.save_image(str(tmp_path / "x.png"), picture)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png")), picture[:, :, 0])
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]
    names = ("w1_estimate_batch", "critic_loss", "generator_loss", "penalty")
    records = [{"step": step, **dict.fromkeys(names, 1.0)} for step in (1, 2)]
    figures.save_distance_curves(str(tmp_path / "d.png"), records)
    figures.save_loss_curves(str(tmp_path / "l.png"), records)
    figures.save_points(str(tmp_path / "p.png"), np.zeros((3, 2)), np.ones((2, 2)))
    for name in "dlp":
        assert Image.open(tmp_path / f"{name}.png").size[0] > 300


def test_a_report_leaves_out_pictures_that_are_none_and_does_not_wait_for_them(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "loop.png").symlink_to("loop.png")
    for name in ("pipe", "folder", "loop", "missing"):
        assert report.picture(str(tmp_path / f"{name}.png"), "a caption") == ""
    figures.save_image(str(tmp_path / "x.png"), np.zeros((2, 2, 1), np.uint8))
    assert "data:image/png;base64," in report.picture(str(tmp_path / "x.png"), "a caption")
