"""What training, export and runtime must agree on.

The package needs nothing heavier than numpy, Pillow and a light decoder of JSON.
"""

HALO = 5
"""Pixels that a generator reads beyond each side of its output: five unpadded 3x3 convolutions."""

RECEPTIVE_FIELD = 2 * HALO + 1
"""Side (11 px) of the square that decides one pixel of a generator's output.

No canvas may be smaller, since every pixel would then see beyond the edge of the picture.
"""
