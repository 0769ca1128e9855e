"""The paper's applications on an image of the user's, by name; each has a file of its own."""

from __future__ import annotations

from singan_runtime.input_images import read_image as read_image
from singan_runtime.input_images import read_masked as read_masked
from singan_runtime.painting import paint as paint
from singan_runtime.painting import paint_start_scale as paint_start_scale
from singan_runtime.redrawing import EDIT as EDIT
from singan_runtime.redrawing import HARMONIZE as HARMONIZE
from singan_runtime.redrawing import Redrawing as Redrawing
from singan_runtime.redrawing import reach_at as reach_at
from singan_runtime.redrawing import redraw as redraw
from singan_runtime.redrawing import start_scale_of as start_scale_of
from singan_runtime.upscaling import enlarged_size as enlarged_size
from singan_runtime.upscaling import upscale as upscale
