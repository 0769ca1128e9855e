"""Names of the files that runs and bundles have in common, each defined once."""

RECONSTRUCTION_NOISE = "reconstruction_noise.npy"
"""z*, float32 (1, H0+10, W0+10): the noise from which the coarsest generator redraws the photo."""

PHOTO, MASKS = "photo.webp", "masks.png"
"""The photo that detail levels copy, without loss, and its labels' masks."""

BASES = "bases.npy"
"""Directions (levels, 24, 7, 7, C), int8. Copied levels use the first 12; the others are 0."""

CONFIG = "config.json"
"""What is fixed before a run's first scale. A run has it long before its manifest."""

PARITY = "parity.json"
"""What was compared when a bundle, or a format of it, was made."""

DOUBLE = "fp64"
"""Folder of the generators up to the hand-over in double precision."""

TRITON = "triton"
"""Folder of a model repository for Triton Inference Server, which has folders of its own."""

FORMAT_FOLDERS = (DOUBLE, "fp16", "int8", "fused", "torchscript", "pt2", TRITON)
"""Every folder that a bundle may have."""


def graph_name(scale: int) -> str:
    """Return the file name of a generator's graph in a bundle or in the folder of a precision."""
    return f"scale_{scale:02d}.onnx"
