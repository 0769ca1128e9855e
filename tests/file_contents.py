"""What files hold, for tests that compare folders and pictures."""

import numpy as np
from PIL import Image


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def files_of(folder):
    """Every file of a folder by its path inside it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
