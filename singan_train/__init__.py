"""Training: one photograph in, a run folder out. Needs PyTorch, never ONNX or the runtime."""
