"""Detail levels once more, as docs/detail.md describes them: plain loops over whole numbers.

For RGB, without wrapped axes. Slow, and independent of singan_core.detail: both must compute the
same. A program in another language can be written along these lines and checked against
tests/data/detail_vectors.json.
"""

import math
import struct

REACH, FEATURE = 3, 384


def single(value):
    """The value rounded to float32."""
    return struct.unpack("f", struct.pack("f", value))[0]


def kernel(phase):
    """Keys' cubic, a = -0.5, at phase / 1024 pixels, in units of 2^-31."""
    if phase < 1024:
        return 3 * phase**3 - 5 * 1024 * phase**2 + 2 * 1024**3
    if phase < 2048:
        return -(phase**3) + 5 * 1024 * phase**2 - 8 * 1024**2 * phase + 4 * 1024**3
    return 0


def taps(n_in, n_out, position):
    """[(source position, weight in 4096ths)] of one output position."""
    if n_in == n_out:
        return [(position, 4096)]
    longer = max(n_in, n_out)
    first = ((2 * position + 1) * n_in - (4 * longer - n_out)) // (2 * n_out)
    found = []
    for place in range(first, first + -(-4 * longer // n_out)):
        apart = abs((2 * place + 1) * n_out - (2 * position + 1) * n_in)
        inside = 0 <= place < n_in
        found.append(
            (
                min(max(place, 0), n_in - 1),
                kernel((apart * 1024 + longer) // (2 * longer)) if inside else 0,
            )
        )

    total = sum(weight for _, weight in found)
    whole = [(place, (2 * weight * 4096 + total) // (2 * total)) for place, weight in found]
    largest = max(range(len(whole)), key=lambda n: (whole[n][1], -n))
    place, weight = whole[largest]
    whole[largest] = place, weight + 4096 - sum(weight for _, weight in whole)
    return whole


def resize(picture, size):
    """Resize a picture, rows of pixels of channels, to (height, width): rows, then columns."""
    height, width = len(picture), len(picture[0])
    if (height, width) == tuple(size):
        return picture
    tall = []
    for y in range(size[0]):
        used = taps(height, size[0], y)
        row = [[sum(w * picture[v][x][c] for v, w in used) for c in range(3)] for x in range(width)]
        tall.append([[(value * 8 + 2048) // 4096 for value in pixel] for pixel in row])
    made = []
    for row in tall:
        wide = []
        for x in range(size[1]):
            used = taps(width, size[1], x)
            sums = [sum(w * row[u][c] for u, w in used) for c in range(3)]
            wide.append([min(max((value + 16384) // 32768, 0), 255) for value in sums])
        made.append(wide)
    return made


def features(picture, y, x, basis, shift, centre):
    """The features of the 7x7 patch around a pixel; beyond the picture its edge is repeated."""
    height, width = len(picture), len(picture[0])
    values = []
    for dy in range(-REACH, REACH + 1):
        for dx in range(-REACH, REACH + 1):
            pixel = picture[min(max(y + dy, 0), height - 1)][min(max(x + dx, 0), width - 1)]
            values += [value - middle for value, middle in zip(pixel, centre, strict=True)]
    found = []
    for direction in basis:
        product = sum(a * b for a, b in zip(direction, values, strict=True))
        rounded = (2 * product + (1 << shift)) // (2 << shift) if shift else product
        found.append(min(max(rounded, -FEATURE), FEATURE))
    return found


def all_features(picture, basis, shift, centre):
    """The features of every pixel, row by row."""
    return [
        features(picture, y, x, basis, shift, centre)
        for y in range(len(picture))
        for x in range(len(picture[0]))
    ]


def distance(a, b):
    """Squared."""
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))


def search(photo_features, size, query_features, canvas, position, completeness=0.02):
    """Find the nearest position for every pixel, row by row, with eight rounds of propagation."""
    count = len(photo_features)
    columns = list(zip(*photo_features, strict=True))
    variance = (
        sum(count * sum(v * v for v in column) - sum(column) ** 2 for column in columns) // count**2
    )
    constant = round(completeness * variance)
    worth = [
        single(1 / max(constant + min(distance(one, asked) for asked in query_features), 1))
        for one in photo_features
    ]
    scale = min(round(math.sqrt(position * variance)), 511)

    def score(pixel, place):
        heights = (pixel // canvas[1]) * scale // canvas[0], (place // size[1]) * scale // size[0]
        apart = (
            distance(query_features[pixel], photo_features[place]) + (heights[0] - heights[1]) ** 2
        )
        return single(apart * worth[place])

    found = [
        min(range(count), key=lambda place: (score(pixel, place), place))
        for pixel in range(len(query_features))
    ]
    for jump in (1, 4, 2, 1, 4, 2, 1, 1):
        found = ask_others(found, size, canvas, score, jump)
    return found


def ask_others(found, size, canvas, score, jump):
    """Try a pixel's own position and what four pixels at a distance propose, once for all pixels.

    A candidate is 3/16 cheaper for each of the four neighbours that proposes it, and 8/16 dearer
    for each pixel up to 1 row and 8 columns away that shows it.
    """

    def look(y, x):
        return found[y * canvas[1] + x] if 0 <= y < canvas[0] and 0 <= x < canvas[1] else None

    def ask(y, x, distance):
        for dy, dx in ((-distance, 0), (distance, 0), (0, -distance), (0, distance)):
            if (place := look(y + dy, x + dx)) is not None:
                yield shifted(place, size, -dy, -dx)

    chosen = []
    for pixel, own in enumerate(found):
        y, x = divmod(pixel, canvas[1])
        said = list(ask(y, x, 1))
        shown = [
            look(y + dy, x + dx) for dy in range(-1, 2) for dx in range(-8, 9) if (dy, dx) != (0, 0)
        ]
        choices = {}
        for place in (own, *(place for place in ask(y, x, jump) if place is not None)):
            choices[place] = single(
                score(pixel, place) * (16 - 3 * said.count(place) + 8 * shown.count(place))
            )
        chosen.append(min(choices, key=lambda place: (choices[place], place)))
    return chosen


def shifted(place, size, dy, dx):
    """The position so many rows and columns further on; None beyond the photo."""
    row, column = place // size[1] + dy, place % size[1] + dx
    return row * size[1] + column if 0 <= row < size[0] and 0 <= column < size[1] else None


def enlarge(found, size_below, size, canvas_below, canvas):
    """The map of a canvas from that of the smaller canvas, row by row."""
    made = []
    for y in range(canvas[0]):
        for x in range(canvas[1]):
            near_y, near_x = (
                (2 * y + 1) * canvas_below[0] // (2 * canvas[0]),
                (2 * x + 1) * canvas_below[1] // (2 * canvas[1]),
            )
            row, column = divmod(found[near_y * canvas_below[1] + near_x], size_below[1])
            row = y + (2 * (row - near_y) * size[0] + size_below[0]) // (2 * size_below[0])
            column = x + (2 * (column - near_x) * size[1] + size_below[1]) // (2 * size_below[1])
            made.append(min(max(row, 0), size[0] - 1) * size[1] + min(max(column, 0), size[1] - 1))
    return made


def spread(found, size, canvas):
    """Every pixel's mean position over a window that ends where the photo does not go on.

    First down, then across.
    """
    places = [divmod(place, size[1]) for place in found]
    for step in ((1, 0), (0, 1)):
        places = [
            mean_of(widest_window(places, canvas, divmod(pixel, canvas[1]), step))
            for pixel in range(len(places))
        ]
    return [row * size[1] + column for row, column in places]


def widest_window(places, canvas, pixel, step):
    """The positions of up to 6 pixels before and after one, and of that one in the middle."""

    def look(far):
        y, x = pixel[0] + far * step[0], pixel[1] + far * step[1]
        return places[y * canvas[1] + x] if 0 <= y < canvas[0] and 0 <= x < canvas[1] else None

    window = [look(0)]
    for far in range(1, 7):
        before, after = look(-far), look(far)
        if before is None or after is None:
            break
        if not (goes_on(before, window[0], step) and goes_on(window[-1], after, step)):
            break
        window = [before, *window, after]
    return window


def goes_on(one, other, step):
    """Whether a position is the next one, but for 2 rows and 2 columns at most."""
    apart = other[0] - one[0] - step[0], other[1] - one[1] - step[1]
    return max(abs(apart[0]), abs(apart[1])) <= 2


def mean_of(window):
    """The mean position of an odd number, rounded."""
    return tuple(round(sum(side) / len(window)) for side in zip(*window, strict=True))


def refine(found, size, canvas, query_features, blurred_features):
    """Take the best candidate of every pixel: its own position or that of a neighbour.

    Eight neighbours at 1 and 2 px, of which those count whose position lies more than 2 rows or
    columns from the pixel's own. A tie goes to the pixel's own position, then to the lowest.
    """
    made = []
    for pixel, own in enumerate(found):
        y, x = divmod(pixel, canvas[1])
        best = distance(query_features[pixel], blurred_features[own]), -1
        for jump in (1, 2):
            for dy, dx in ((-jump, 0), (jump, 0), (0, -jump), (0, jump)):
                if 0 <= y + dy < canvas[0] and 0 <= x + dx < canvas[1]:
                    place = shifted(found[(y + dy) * canvas[1] + x + dx], size, -dy, -dx)
                    if place is not None and is_apart(place, own, size):
                        best = min(
                            best, (distance(query_features[pixel], blurred_features[place]), place)
                        )
        made.append(own if best[1] < 0 else best[1])
    return made


def is_apart(place, own, size):
    """Whether two positions lie more than 2 rows or columns apart."""
    (row, column), (own_row, own_column) = divmod(place, size[1]), divmod(own, size[1])
    return max(abs(row - own_row), abs(column - own_column)) > 2


def smoothness(real, blurred):
    """64 for a pixel of the photo without any detail, near 0 from a few grey levels on."""
    detail = (20 * sum(abs(a - b) for a, b in zip(real, blurred, strict=True))) ** 4
    half = 153**4
    return (64 * half + (half + detail) // 2) // (half + detail)


def paint(found, photo, canvas, sigma, blurred=None, below=None):
    """Paint the picture of a map by votes; where it is smooth, below keeps its colours."""
    size = len(photo), len(photo[0])
    made = []
    for y in range(canvas[0]):
        row = []
        for x in range(canvas[1]):
            votes = list(ballots(found, size, canvas, sigma, y, x))
            count = sum(weight for weight, _ in votes)
            share = 0
            if below is not None:
                near = [
                    found[v * canvas[1] + u]
                    for v in range(max(y - REACH, 0), min(y + REACH + 1, canvas[0]))
                    for u in range(max(x - REACH, 0), min(x + REACH + 1, canvas[1]))
                ]
                share = min(smoothness(at(photo, place), at(blurred, place)) for place in near)
            pixel = []
            for channel in range(3):
                total = 64 * sum(weight * at(photo, place)[channel] for weight, place in votes)
                if share:
                    low = sum(weight * at(blurred, place)[channel] for weight, place in votes)
                    total += share * (count * below[y][x][channel] - low)
                pixel.append(min(max((total + 32 * count) // (64 * count), 0), 255))
            row.append(pixel)
        made.append(row)
    return made


def ballots(found, size, canvas, sigma, y, x):
    """(weight, position of the photo) of every vote on a pixel."""
    for dy in range(-REACH, REACH + 1):
        for dx in range(-REACH, REACH + 1):
            weight = round(64 * math.exp(-(dy * dy + dx * dx) / (2 * sigma**2)))
            if weight >= 2 and 0 <= y - dy < canvas[0] and 0 <= x - dx < canvas[1]:
                place = shifted(found[(y - dy) * canvas[1] + x - dx], size, dy, dx)
                if place is not None:
                    yield weight, place


def at(picture, place):
    """The pixel at a position counted row by row."""
    width = len(picture[0])
    return picture[place // width][place % width]
