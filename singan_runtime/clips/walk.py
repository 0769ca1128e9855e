"""The random walk through noise space that moves a clip: its spectrum and its harmonics.

docs/animation.md derives the formulas.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from singan_core.arguments import read_object, read_switch
from singan_core.errors import RequestError
from singan_core.limits import read_real, read_whole, show
from singan_runtime.request import check_seed

Values = NDArray[np.float64]

KINDS = ("harmonic", "paper")
HARMONICS = 8  # at most: each takes two noise fields of the canvas
MOST_FRAMES = 10**6  # nine hours at 30 per second
PERIOD = 36_000  # frames after which a walk that is no loop repeats: an hour at 10 per second


@dataclass(frozen=True)
class Walk:
    """A random walk through noise space.

    Harmonic: every frame is a function of its number. Paper: SinGAN's recursion. Both have the same
    spectrum.
    """

    frames: int = 60
    alpha: float = 0.1  # pull towards the photo, 0..1
    beta: float = 0.9  # smoothness: how much of the last step goes on, 0..1
    start_scale: int = 0
    seed: int = 0
    loop: bool = False
    kind: str = "harmonic"

    @property
    def length(self) -> int:
        """The number of frames in the file: the paper's walk can close only by going back."""
        return max(2 * self.frames - 2, 1) if self.loop and self.kind == "paper" else self.frames

    @property
    def period(self) -> int:
        """The number of frames after which the harmonic walk repeats exactly."""
        return self.frames if self.loop else PERIOD


def check(walk: Walk) -> Walk:
    """Return a walk of plain numbers. Raises RequestError for the first that is not possible."""
    read_object(walk, Walk, "walk")
    read_switch(walk.loop, "loop")
    if not isinstance(walk.kind, str) or walk.kind not in KINDS:
        raise RequestError(f"walk {show(walk.kind)} is not possible: choose {' or '.join(KINDS)}")
    return replace(
        walk,
        frames=read_whole(walk.frames, "frames", 1, MOST_FRAMES),
        alpha=read_real(walk.alpha, "alpha", 0, 1),
        beta=read_real(walk.beta, "beta", 0, 1),
        start_scale=read_whole(walk.start_scale, "start scale", 0),
        seed=check_seed(walk.seed),
    )


def compute_coefficients(walk: Walk) -> tuple[float, float, float]:
    """Compute a, b and g of the paper's recursion x_{t+1} = a x_t + b x_{t-1} + g u_t.

    x is z - z*, u_t fresh unit noise. Source: SinGAN, supplementary section 5.
    """
    keep = 1 - walk.alpha
    return keep * (1 + walk.beta), -keep * walk.beta, keep * (1 - walk.beta)


def spectrum(walk: Walk, angle: Values) -> Values:
    """Compute the power density of the paper's recursion at some frequencies.

    They are above 0, in radians per frame.
    Source: the transfer function, |g / (1 - a e^{-iw} - b e^{-2iw})|^2.
    """
    a, b, g = compute_coefficients(walk)
    turn = np.exp(-1j * angle)
    return g**2 / np.abs(1 - a * turn - b * turn**2) ** 2


def variance(walk: Walk) -> float:
    """Compute the variance of the paper's recursion in the long run, cut at 1.

    No generator has seen stronger noise than that. Source: the Yule-Walker equations.
    """
    a, b, g = compute_coefficients(walk)
    below = (1 + b) * ((1 - b) ** 2 - a**2)
    above = g**2 * (1 - b)
    return above / below if above < below else 1.0


def weigh_photo(walk: Walk) -> float:
    """Compute the weight of z* that makes the variance of a frame's noise 1."""
    return float(np.sqrt(1 - variance(walk)))


def choose_harmonics(walk: Walk) -> list[tuple[int, float]]:
    """Choose the at most 8 harmonics that stand for the walk's spectrum: (k, amplitude).

    k is how many turns one takes in a period. The power of all k is cut into eight equal parts in
    the order of k; each part moves at its mean k. Source: ours.
    """
    k = np.arange(1, max(walk.period // 2, 1) + 1)
    power = spectrum(walk, 2 * np.pi * k / walk.period)
    if power.sum() == 0:
        return []
    power *= variance(walk) / power.sum()

    # A k belongs to the part that the middle of its own power falls into.
    middle = (np.cumsum(power) - power / 2) / power.sum()
    part = (middle * HARMONICS).astype(int)

    harmonics = []
    for number in np.unique(part):
        inside = part == number
        mean = np.average(k[inside], weights=power[inside])
        harmonics.append((round(mean), float(np.sqrt(power[inside].sum()))))
    return harmonics
