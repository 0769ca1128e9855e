"""What files hold, for tests that compare folders and pictures, or alter a bundle."""

import json

import numpy as np
from PIL import Image

from singan_core import manifest


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def files_of(folder):
    """Every file of a folder by its path inside it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def hash_again(folder):
    """Make the manifest agree with altered files, as a careful forger would."""
    path = folder / manifest.NAME
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "files": manifest.hash_files(folder)}))
