"""The paper's applications on an image of the user's, by name; each has a file of its own."""

from __future__ import annotations

from singan_runtime.edits.input_images import read_image as read_image
from singan_runtime.edits.input_images import read_masked as read_masked
from singan_runtime.edits.painting import choose_painting_scale as choose_painting_scale
from singan_runtime.edits.painting import paint as paint
from singan_runtime.edits.redrawing import EDIT as EDIT
from singan_runtime.edits.redrawing import HARMONIZE as HARMONIZE
from singan_runtime.edits.redrawing import Redrawing as Redrawing
from singan_runtime.edits.redrawing import choose_reach as choose_reach
from singan_runtime.edits.redrawing import choose_start_scale as choose_start_scale
from singan_runtime.edits.redrawing import redraw as redraw
from singan_runtime.edits.upscaling import compute_enlarged_size as compute_enlarged_size
from singan_runtime.edits.upscaling import upscale as upscale
