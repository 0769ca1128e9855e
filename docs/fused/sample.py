"""Draw a picture of 1 or 3 channels with the fused graph of a model without detail.

It needs numpy, onnxruntime and Pillow, and nothing of singan.

Usage: python sample.py BUNDLE/fused/pyramid.onnx WIDTHxHEIGHT SEED OUT.png
"""

import json
import math
import sys

import numpy as np
import onnxruntime
from PIL import Image

HALO = 5  # what a generator sees beyond its canvas, on every side


def philox(counter, key):
    """Compute four random 32-bit words for each counter, in uint64.

    See 'From arguments to words' in docs/noise.md.
    """
    low = np.uint64(0xFFFFFFFF)
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & low
        c2, c3 = (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & low
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return c0, c1, c2, c3


def gauss(a, b):
    """Compute two standard normal values from two words.

    See 'From words to noise' in docs/noise.md.
    """
    radius = np.sqrt(-2 * np.log((a + 0.5) / 2**32))
    angle = 2 * np.pi * (b + 0.5) / 2**32
    return radius * np.cos(angle), radius * np.sin(angle)


def compute_field(seed, scale, channel, height, width):
    """Compute unit noise (height + 10, width + 10), whose first value lies at (-5, -5)."""
    first = -HALO // 4  # four neighbours along x share a counter
    last = (width + HALO - 1) // 4
    columns = np.arange(first, last + 1) % 2**32
    rows = np.arange(-HALO, height + HALO)[:, None] % 2**32
    words = philox((columns, rows, 0, scale * 65536 + channel), (seed % 2**32, seed // 2**32))
    values = np.stack([*gauss(words[0], words[1]), *gauss(words[2], words[3])], axis=-1)
    start = -HALO - 4 * first
    return values.reshape(len(rows), -1)[:, start : start + width + 2 * HALO].astype(np.float32)


def make_noise(manifest, seed, scale, height, width):
    """Make the input noise_<scale>, (1, 1 or C, height + 10, width + 10)."""
    channels = manifest["noise_channels"][scale]
    fields = [compute_field(seed, scale, channel, height, width) for channel in range(channels)]
    noise = np.stack(fields)
    if manifest["border"] == "zero":
        inside = np.zeros_like(noise)
        inside[:, HALO:-HALO, HALO:-HALO] = noise[:, HALO:-HALO, HALO:-HALO]
        noise = inside
    return noise[None]


def find_canvases(manifest, height, width):
    """Find the canvas (height, width) of every scale at zoom 1, the coarsest first."""
    shapes = manifest["shapes"]
    ratios = [math.sqrt(h * w / (shapes[-1][0] * shapes[-1][1])) for h, w in shapes]
    return [*((round(height * r), round(width * r)) for r in ratios[:-1]), (height, width)]


def main(path, size, seed, out):
    width, height = (int(side) for side in size.split("x"))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    manifest = json.loads(session.get_modelmeta().custom_metadata_map["singan.manifest"])

    noises = {}
    for scale, canvas in enumerate(find_canvases(manifest, height, width)):
        noises[f"noise_{scale}"] = make_noise(manifest, int(seed), scale, *canvas)
    (image,) = session.run(["image"], noises)  # (1, C, height, width) in [-1, 1]
    pixels = (((image[0] + 1) / 2).clip(0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
