"""Names of the files that runs and bundles have in common, each defined once."""

RECONSTRUCTION_NOISE = "reconstruction_noise.npy"
"""z*, float32 (1, H0+10, W0+10): the noise from which the coarsest generator redraws the photo."""

DOUBLE = "fp64"
"""Folder of the generators up to the hand-over in double precision."""


def graph_name(scale: int) -> str:
    """Return the file name of a generator's graph in a bundle or in the folder of a precision."""
    return f"scale_{scale:02d}.onnx"
