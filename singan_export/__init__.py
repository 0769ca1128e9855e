"""The only place where PyTorch, ONNX and ONNX Runtime meet: a run in, a bundle with proof of parity out."""
