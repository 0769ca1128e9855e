"""Making pictures from a bundle: numpy, Pillow and ONNX Runtime; never PyTorch."""

from singan_runtime.sampler import Sampler

__all__ = ["Sampler"]
