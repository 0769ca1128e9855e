"""What moves a clip with detail: the flow between small pictures, lines that hold, moved pixels."""

import numpy as np
import pytest
from detail_scenes import landscape, noise

from singan_runtime.clips import displacement, flow, lines
from singan_runtime.measures import quality

# the flow between small pictures


def blobs(height=30, width=45, down=0.0, across=0.0, seed=0):
    """An analytic function of the plane, uint8 (height, width, 3), moved by a share of a pixel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    total = np.zeros((height, width, 3))
    for _ in range(40):
        fy, fx, phase = rng.uniform(-0.9, 0.9), rng.uniform(-0.9, 0.9), rng.uniform(0, 6.3, 3)
        total += np.sin(((y + down) * fy + (x + across) * fx)[..., None] + phase)
    return (127.5 + 12 * total).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("moved", [(0.5, 0.0), (0.0, -0.75), (0.25, 0.625), (-0.5, 0.5)])
def test_a_translation_is_found_within_an_eighth_of_a_pixel(moved):
    for seed in range(3):
        found = flow.find_flow(blobs(down=moved[0], across=moved[1], seed=seed), blobs(seed=seed))
        inside = found[:, 6:-6, 6:-6]
        for axis in (0, 1):
            assert np.abs(inside[axis] - moved[axis]).max() < 1 / 8


def test_channels_count_alike():
    now, key = blobs(across=0.5), blobs()
    assert np.allclose(
        flow.find_flow(now[..., ::-1], key[..., ::-1]), flow.find_flow(now, key), atol=1e-9
    )
    assert np.abs(flow.find_flow(now[..., :1], key[..., :1])[1, 5:-5, 5:-5] - 0.5).max() < 1 / 8


def test_equal_pictures_have_no_flow_and_no_flow_is_longer_than_a_pixel():
    assert not flow.find_flow(blobs(), blobs()).any()
    for seed in range(3):
        found = flow.find_flow(noise(25, 38, seed=seed), noise(25, 38, seed=seed + 10))
        assert 0.2 < np.hypot(*found).max() <= 1 + 1e-9


# straight lines


def street():
    """A wall with windows at the left, leaves at the right, and a horizon behind, (240, 400, 3)."""
    picture = np.full((240, 400), 200.0)
    picture[150:] = 90
    picture[40:200, 20:140] = 120
    for y in range(50, 190, 24):
        for x in range(30, 130, 20):
            picture[y : y + 14, x : x + 11] = 30
    street = picture.astype(np.uint8)[..., None].repeat(3, axis=2)
    street[20:, 200:] = landscape(640, 960)[200:420, :200]
    return street


def test_walls_and_horizons_stand_still_and_leaves_move():
    freedom = lines.find_freedom(street(), (24, 40))
    assert freedom.min() >= 0 and freedom.max() <= 1
    assert freedom[5:19, 3:13].max() < 0.1  # the wall with its windows
    assert freedom[14:16, 15:18].max() < 0.1  # the horizon
    assert freedom[4:22, 24:38].mean() > 0.8  # the leaves


def test_a_flat_picture_may_move_everywhere():
    assert (lines.find_freedom(np.full((50, 70, 3), 99, np.uint8), (6, 9)) == 1).all()


# moving pixels


def still_at(size):
    """Positions, in 1/16 px, of a picture that does not move."""
    return np.mgrid[: size[0], : size[1]].astype(np.int32) * displacement.UNIT


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_moves_by_whole_pixels_keeps_its_bytes(channels):
    pixels = noise(20, 31, channels)
    fine = displacement.double(pixels)
    rows, columns = still_at((20, 31))
    assert np.array_equal(displacement.move(fine, channels, rows, columns), pixels)
    moved = displacement.move(
        fine, channels, rows + 2 * displacement.UNIT, columns - 3 * displacement.UNIT
    )
    assert np.array_equal(moved[:-2, 3:], pixels[2:, :-3])
    assert np.array_equal(
        moved[:-2, :3], pixels[2:, :1].repeat(3, axis=1)
    )  # beyond an edge: the edge


def test_a_ramp_moves_by_any_sixteenth():
    ramp = (8 * np.arange(30, dtype=np.uint8))[:, None, None].repeat(12, axis=1)
    rows, columns = still_at((30, 12))
    for part in range(displacement.UNIT):
        moved = displacement.move(displacement.double(ramp), 1, rows + part, columns)[4:-5, ..., 0]
        assert np.abs(moved - (ramp[4:-5, ..., 0] + part / 2)).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("part", [(2, 6), (4, 4), (8, 5), (8, 8)])
def test_moving_by_part_of_a_pixel_keeps_fine_detail(part):
    pixels = landscape(200, 300)
    rows, columns = still_at((200, 300))
    moved = displacement.move(displacement.double(pixels), 3, rows + part[0], columns + part[1])
    assert quality.detail_ratios(pixels, moved)[0] > 0.87
