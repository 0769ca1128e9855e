"""Draw a picture with the fused graph of a model with detail.

It needs numpy, onnxruntime and Pillow, and nothing of singan.

Usage: python picture.py BUNDLE/fused/picture.onnx WIDTHxHEIGHT SEED OUT.png
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image


def main(path, size, seed, out):
    width, height = (int(side) for side in size.split("x"))

    # Without optimization the graph opens in a quarter of the time and draws as fast.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    inputs = {
        "seed": np.array(int(seed), np.uint64),
        "size": np.array([height, width], np.int64),
        "zoom": np.array(0.0),  # 0: the photo's height fits the picture's
    }
    (pixels,) = session.run(["pixels"], inputs)  # (height, width, channels), uint8
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
