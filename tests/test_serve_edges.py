"""Long pictures at the edges of the fixed blocks in which their first levels are searched."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette")

from singan_core.detail import searched
from singan_core.pyramid import count_searched
from singan_runtime import Sampler
from singan_runtime.request import Request
from singan_runtime.serve import levels

MODELS = Path(__file__).parents[1] / "models"
SIZE = (400, 60_000)
REACH = 100  # px on both sides of an edge that are drawn


def list_edges(sampler):
    """List the columns of the picture at which one block ends and the next begins."""
    canvases = sampler.fit(SIZE).levels
    assert canvases[0][1] > searched.WHOLE
    across = canvases[count_searched(sampler.manifest.detail.levels) - 1][1]
    return [at * SIZE[1] // across for at in range(searched.BLOCK, across, searched.BLOCK)]


def test_tiles_that_meet_at_the_edge_of_a_block_fit_together(detail_sampler, detail_bundle):
    edge = list_edges(detail_sampler)[2]
    request = Request(SIZE, seed=7)
    both = levels.draw_level(detail_sampler, request, 0, (100, edge - 20, 60, 40))
    fresh = Sampler.load(detail_bundle, threads=2)
    right, left = (
        levels.draw_level(fresh, request, 0, (100, at, 60, 20)) for at in (edge, edge - 20)
    )
    np.testing.assert_array_equal(np.hstack([left, right]), both)


@pytest.mark.slow
def test_neighbours_differ_no_more_at_the_edges_of_blocks_than_at_other_joins(detail_sampler):
    """A block's edge is one more join of pieces of the photo, as there are many inside blocks.

    Its columns may differ by half as much again, since inside not every column is a join.
    """
    at_edges, inside = [], []
    for edge in list_edges(detail_sampler)[::4]:
        window = 0, edge - REACH, SIZE[0], 2 * REACH
        pixels = levels.draw_level(detail_sampler, Request(SIZE, seed=7), 0, window).astype(int)
        apart = np.abs(np.diff(pixels, axis=1)).mean(axis=(0, 2))
        near = slice(REACH - 5, REACH + 4)  # the level that is searched is coarser: 16 px to one
        at_edges.append(apart[near].mean())
        inside.append(np.delete(apart, np.r_[near]).mean())
    assert np.mean(at_edges) < 1.5 * np.mean(inside)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_level_differs_from_the_next_one_reduced_as_the_docs_say(seed):
    sampler = Sampler.load(MODELS / "aitzgorri")
    request = Request((1024, 1536), seed, zoom="auto")
    fine, coarse = (sampler.draw(levels.halve_request(request, times)) for times in (0, 1))
    other = sampler.draw(Request((512, 768), seed + 10))
    reduced = np.asarray(Image.fromarray(fine).reduce(2)).astype(int)
    step = np.abs(reduced - coarse).mean()
    assert 1 < step < 2.1
    assert np.abs(reduced - other).mean() > 4 * step
