"""Pictures larger than memory: tiled TIFF files and Deep Zoom folders."""

import math
import re

import numpy as np
import pytest
from PIL import Image

from singan_core.errors import InstallError, OutputError, RequestError
from singan_core.metadata import Metadata
from singan_core.windows import Span, cover_canvas
from singan_runtime.files import deepzoom, tiff

SIZE = (150, 211)


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiff, "TILE", 64)
    monkeypatch.setattr(deepzoom, "TILE", 64)


def tiles(sampler, region=None):
    picture = sampler.plan(SIZE)
    return (sampler.draw_pixels(picture, 3, tile) for tile in tiff.list_tiles(SIZE, region))


@pytest.mark.parametrize("region", [None, (Span(17, 140), Span(60, 200))])
def test_a_tiff_made_tile_by_tile_holds_the_pixels_of_the_picture(
    sampler, tmp_path, small_tiles, region
):
    tifffile = pytest.importorskip("tifffile")
    rows, columns = region or cover_canvas(SIZE)
    path = tmp_path / "picture.tif"
    said = Metadata("how it was made")
    tiff.write_tiles(path, (rows.length, columns.length), 3, tiles(sampler, region), said)
    expected = sampler.sample(SIZE, seed=3)[0, slice(*rows), slice(*columns)]
    assert np.array_equal(tifffile.imread(path), expected)
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].is_tiled and not file.is_bigtiff
        assert file.pages[0].description == "how it was made"
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), expected)


@pytest.mark.parametrize("channels", [1, 4])
def test_tiffs_hold_grey_and_transparency(tmp_path, small_tiles, channels):
    tifffile = pytest.importorskip("tifffile")
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, channels), np.uint8)
    parts = (pixels[slice(*rows), slice(*columns)] for rows, columns in tiff.list_tiles(SIZE))
    tiff.write_tiles(tmp_path / "p.tif", SIZE, channels, parts)
    assert np.array_equal(tifffile.imread(tmp_path / "p.tif").reshape(pixels.shape), pixels)


def test_a_large_tiff_is_a_bigtiff(tmp_path, small_tiles, monkeypatch):
    tifffile = pytest.importorskip("tifffile")
    monkeypatch.setattr(tiff, "BIG", 1000)
    tiff.write_tiles(
        tmp_path / "p.tif", (70, 70), 1, (np.zeros((64, 64, 1), np.uint8) for _ in range(4))
    )
    with tifffile.TiffFile(tmp_path / "p.tif") as file:
        assert file.is_bigtiff


def failing(sampler):
    yield from list(tiles(sampler))[:2]
    raise OSError(28, "No space left on device")


def test_an_interrupted_tiff_leaves_nothing(sampler, tmp_path, small_tiles):
    pytest.importorskip("tifffile")
    with pytest.raises(OutputError, match="the disk is full"):
        tiff.write_tiles(tmp_path / "p.tif", SIZE, 3, failing(sampler))
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_neither_a_tiff_nor_a_deep_zoom_folder(sampler, tmp_path, small_tiles):
    pytest.importorskip("tifffile")

    def stopped(region=None):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiff.write_tiles(tmp_path / "p.tif", SIZE, 3, (stopped() for _ in range(2)))
    with pytest.raises(KeyboardInterrupt):
        deepzoom.write_folder(tmp_path / "dz", SIZE, stopped)
    assert not list(tmp_path.iterdir())


def test_without_tifffile_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "tifffile", None)
    with pytest.raises(
        InstallError, match=re.escape("pip install tifffile (singan's extra media)")
    ):
        tiff.write_tiles(tmp_path / "p.tif", (64, 64), 1, [])


def write_deepzoom(sampler, folder, format="png"):
    picture = sampler.plan(SIZE)
    deepzoom.write_folder(
        folder, SIZE, lambda region: sampler.draw_pixels(picture, 3, region), format, title="hills"
    )


def level_of(folder, level, suffix="png"):
    """A level put together from its tiles."""
    height, width = deepzoom.list_levels(SIZE)[level]
    whole = Image.new("RGB", (width, height))
    for path in (folder / "picture_files" / str(level)).iterdir():
        column, row = (int(part) for part in path.stem.split("_"))
        with Image.open(path) as tile:
            assert max(tile.size) <= 64
            whole.paste(tile, (column * 64, row * 64))
    return whole


def test_deep_zoom_tiles_are_the_picture_and_its_halvings(sampler, tmp_path, small_tiles):
    write_deepzoom(sampler, tmp_path / "dz")
    last = math.ceil(math.log2(max(SIZE)))
    assert sorted(int(p.name) for p in (tmp_path / "dz" / "picture_files").iterdir()) == list(
        range(last + 1)
    )
    finest = level_of(tmp_path / "dz", last)
    assert np.array_equal(np.asarray(finest), sampler.sample(SIZE, seed=3)[0])
    for level in range(last - 1, -1, -1):
        finest = finest.reduce(2)
        assert np.array_equal(np.asarray(level_of(tmp_path / "dz", level)), np.asarray(finest)), (
            level
        )


def test_the_page_of_a_deep_zoom_folder_needs_no_network(sampler, tmp_path, small_tiles):
    write_deepzoom(sampler, tmp_path / "dz", "jpeg")
    page = (tmp_path / "dz" / "index.html").read_text()
    assert "http" not in page and "%" not in re.sub(r"\d+%", "", page)
    assert "const WIDTH = 211, HEIGHT = 150, TILE = 64" in page
    dzi = (tmp_path / "dz" / "picture.dzi").read_text()
    assert (
        'Format="jpg" Overlap="0" TileSize="64"' in dzi
        and '<Size Width="211" Height="150"/>' in dzi
    )


def test_deep_zoom_refuses_what_it_cannot_write(sampler, tmp_path, small_tiles):
    with pytest.raises(RequestError, match="cannot hold webp: choose png or jpeg"):
        write_deepzoom(sampler, tmp_path / "dz", "webp")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    with pytest.raises(RequestError, match="already there and not empty"):
        write_deepzoom(sampler, tmp_path / "full")
    assert not (tmp_path / "dz").exists() and (tmp_path / "full" / "precious").exists()


def test_an_interrupted_deep_zoom_folder_leaves_nothing(tmp_path, small_tiles):
    def render(region):
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="the disk is full"):
        deepzoom.write_folder(tmp_path / "dz", SIZE, render)
    assert not list(tmp_path.iterdir())
