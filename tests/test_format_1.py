"""Bundles made before there was detail load, keep their rule for sizes, and draw what they drew."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from singan_core import manifest
from singan_runtime import Sampler

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def old():
    """A model of 250 px, eight scales and a continuation, exported before format 2."""
    return Sampler.load(DATA / "format_1_bundle", threads=1)


def apart(pixels, name):
    """The largest difference to a picture that the program of that time drew, in grey levels."""
    with Image.open(DATA / name) as image:
        return int(np.abs(np.asarray(image).astype(int) - pixels).max())


def test_an_old_bundle_is_read_as_generators_alone(old):
    assert old.manifest.format_version == manifest.GENERATORS_ONLY and old.manifest.detail is None
    assert old.photo is None and old.without_detail() is old and old.graphs.dtype is np.float32


def test_it_draws_what_it_drew_at_a_zoom(old):
    assert (
        apart(old.sample((100, 140), seed=3, zoom=1.0)[0], "format_1_bundle.png") <= 1
    )  # processors differ by one


def test_zoom_auto_keeps_its_rule(old):
    assert apart(old.sample((64, 200), seed=4)[0], "format_1_bundle_auto.png") <= 1


def test_a_narrow_canvas_is_still_refused(old):
    from singan_core.errors import RequestError

    with pytest.raises(RequestError, match="the largest zoom for this size"):
        old.sample((20, 400), zoom=1.0)
