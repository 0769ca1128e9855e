"""The most that a file may state, so that no file of a stranger's costs gigabytes or hours.

Training and export keep to the same numbers.
"""

MOST_SIDE = 8192
"""Longest side of a scale, a level or a stored photo in pixels."""

MOST_SCALES = 64
"""Generators of a model, and detail levels of one."""

MOST_CHANNELS = 256
"""Channels of a picture: RGB and labels."""

MOST_WIDTH = 1024
"""Channels of a network's hidden layers."""

MOST_AMPLITUDE = 10.0
"""Largest amplitude of noise, while the values of a picture are in [-1, 1]."""

FACTORS = 0.001, 0.9995
"""Least and largest ratio of neighbouring scales."""

MOST_PIXELS = 1 << 25
"""Pixels of a stored photo, and of all scales together."""

MOST_HAND_OVER = 128
"""Shorter side of the last generator's canvas, where detail levels go on, in pixels."""

MOST_SEARCHED = MOST_HAND_OVER**2
"""Positions of the photo at the hand-over. Each is compared with all of a picture, so that four
times as many take sixteen times as long."""

MOST_MASK_PIXELS = 1 << 28
"""Pixels of a stored photo times its labels, which take a byte each."""

MOST_FILES = 2000
"""Files that a manifest lists."""

MOST_TEXT = 200
"""Characters of a word in a manifest, such as the name of a preset."""

MOST_JSON = 4 << 20
"""Bytes of a JSON file, or of JSON inside another file."""

MOST_NESTING = 16
"""Objects and arrays inside each other in JSON."""

MOST_FOLDER_BYTES = 1 << 29
"""Bytes of all files together that a manifest lists: they are read to be hashed."""
