"""What training, export and runtime must agree on. Standard library, numpy and Pillow only."""

HALO = 5
"""Pixels that a generator reads beyond each side of its output: five 3x3 convolutions without padding."""
