"""Making pictures from a bundle: numpy, Pillow and ONNX Runtime; never PyTorch.

A Sampler opens a bundle and draws the pictures of Requests. The functions apply it: animations,
edits of pictures, enlargements, datasets, scores. Retargeting is in singan_runtime.edits.retarget.
"""

from singan_core.errors import (
    BundleError,
    ImageError,
    InstallError,
    OutputError,
    RequestError,
    SinGANError,
)
from singan_runtime.clips.animation import Walk, animate
from singan_runtime.edits.editing import EDIT, HARMONIZE, paint, read_image, redraw, upscale
from singan_runtime.files.dataset import DatasetSpec, write_dataset
from singan_runtime.keep import Keep
from singan_runtime.labelled_pictures import LabelledPictures
from singan_runtime.measures.evaluation import evaluate
from singan_runtime.request import Request
from singan_runtime.sampler import Sampler

__all__ = [
    "EDIT",
    "HARMONIZE",
    "BundleError",
    "DatasetSpec",
    "ImageError",
    "InstallError",
    "Keep",
    "LabelledPictures",
    "OutputError",
    "Request",
    "RequestError",
    "Sampler",
    "SinGANError",
    "Walk",
    "animate",
    "evaluate",
    "paint",
    "read_image",
    "redraw",
    "upscale",
    "write_dataset",
]
