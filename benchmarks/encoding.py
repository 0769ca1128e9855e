"""What the quality of the lossy formats costs in bytes and time, and how close pictures stay.

Photos are reduced to three quarters first, so that traces of their own compression do not help.
Printed as rows of a Markdown table: format and quality, then for each photo its size, its PSNR and
the processor time.

Usage: python benchmarks/encoding.py PHOTO [PHOTO ...] [--quality 80,90]
"""

from __future__ import annotations

import io
import math
import time
from pathlib import Path

import numpy as np
from arguments import make_parser
from PIL import Image

from singan_core import encoding
from singan_core.arrays import Pixels


def read_reduced(path: Path) -> Pixels:
    """Read a photo at three quarters of its size, uint8 (H, W, 3)."""
    with Image.open(path) as image:
        size = image.width * 3 // 4, image.height * 3 // 4
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))


def measure(pixels: Pixels, format: str, quality: int) -> tuple[float, float, float]:
    """Measure kilobytes, PSNR in dB and seconds of a picture in a format."""
    began = time.process_time()
    data = encoding.encode(pixels, format, quality=quality)
    seconds = time.process_time() - began

    with Image.open(io.BytesIO(data)) as image:
        away = np.asarray(image.convert("RGB")).astype(float) - pixels
    return len(data) / 1000, 10 * math.log10(255**2 / np.mean(away**2)), seconds


def main() -> None:
    """Print a row for every format and quality."""
    parser = make_parser(__doc__)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--quality", default="75,80,85,90,95")
    given = parser.parse_args()

    photos = [read_reduced(path) for path in given.photos]
    for format, usual in encoding.QUALITY.items():
        for quality in map(int, given.quality.split(",")):
            cells = [f"{format} {quality}" + (", the default" if quality == usual else "")]
            for pixels in photos:
                size, closeness, seconds = measure(pixels, format, quality)
                cells += [f"{size:.0f} kB", f"{closeness:.1f} dB", f"{seconds:.2f} s"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
