"""Making pictures from a bundle: numpy, ONNX Runtime, Pillow and imageio; never PyTorch."""

from singan_runtime.sampler import Sampler

__all__ = ["Sampler"]
