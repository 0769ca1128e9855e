"""Export a run as a bundle and prove that both compute the same.

This is the only package in which PyTorch, ONNX and ONNX Runtime meet.
"""
