"""The photo and the models of the thesis, each of which is trained once and then kept."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from singan_cli.site.material import BUNDLE, RUN, Training, Watch, make_bundle
from singan_core import manifest as manifests
from singan_core.atomic import atomic_file
from singan_core.pyramid import Size
from singan_export import bundle as bundles
from singan_runtime import Sampler

KINDS = ("detail", "plain")
"""With detail levels, and generators alone up to the photo's size, as in the thesis."""

HAND_OVER = 64  # px, most of the generator after which a pyramid of n scales gets detail levels


@dataclass(frozen=True)
class Work:
    """How much is done. The defaults are the thesis's own numbers, where it has some."""

    side: int = 250  # px, of the square photo
    coarsest: int = 25  # px, of the coarsest scale
    scales: tuple[int, ...] = (4, 5, 6, 7, 8, 9, 10)
    samples: int = 50  # of each start scale
    shapes: tuple[Size, ...] = ((175, 325), (325, 175))  # (height, width)
    frames: int = 40  # of a clip
    judged: int = 8  # samples that decide how good a model is
    preset: str = "draft"  # of generators alone, of which eight pyramids are trained
    iterations: int | None = None  # of a coarse scale, instead of the presets'


class Models:
    """The models of one folder, trained when they are first asked for."""

    def __init__(self, folder: Path, photo: Path, work: Work) -> None:
        self.folder, self.work = folder, work
        self.photo = folder / "photo.png"
        if not self.photo.exists():
            folder.mkdir(parents=True, exist_ok=True)
            cut_square(photo, self.photo, work.side)

    @functools.cache  # noqa: B019, since the models live as long as the program
    def open(self, kind: str) -> Sampler:
        """Open the model with detail levels, or the one of generators alone."""
        if kind == "plain":
            return self.open_pyramid(max(self.work.scales))
        asked = {"preset": "standard", "max_size": self.work.side}
        return Sampler.load(self._make("detail", asked))

    @functools.cache  # noqa: B019
    def open_pyramid(self, scales: int, schedule: str = "geometric") -> Sampler:
        """Open generators alone, in a pyramid of so many scales up to the photo's size."""
        return Sampler.load(self._make_pyramid(scales, schedule))

    @functools.cache  # noqa: B019
    def open_detailed(self, scales: int, schedule: str = "geometric") -> Sampler:
        """Open the coarse generators of a pyramid, with detail levels in place of the others."""
        run = self._make_pyramid(scales, schedule).parent / RUN
        bundle = run.parent / "detailed"
        if not (bundle / manifests.NAME).exists():
            hand_over = max(HAND_OVER, self.work.coarsest)
            bundles.export(run, bundle, photo=self.photo, hand_over=hand_over)
        return Sampler.load(bundle)

    def _make_pyramid(self, scales: int, schedule: str) -> Path:
        """Return the bundle of generators alone, trained if need be."""
        work = self.work
        asked = {
            "preset": work.preset,
            "detail": False,
            "continuation": False,
            "min_size": work.coarsest,
            "max_size": work.side,
            "scales": scales,
            "schedule": schedule,
        }
        return self._make(f"{schedule}_{scales:02}", asked)

    def _make(self, name: str, asked: dict[str, object]) -> Path:
        """Return a bundle, made if need be. A stopped training goes on."""
        folder = self.folder / "models" / name
        if not (folder / BUNDLE / manifests.NAME).exists():
            print(f"  training {name}", flush=True)
        if self.work.iterations is not None:
            asked = asked | {"iterations": self.work.iterations}
        return make_bundle(self.photo, folder, Training(asked, "cpu"), Watch())


def cut_square(source: Path, target: Path, side: int) -> None:
    """Write the middle of a photo as a square of `side` px."""
    with Image.open(source) as image:
        square = ImageOps.fit(image.convert("RGB"), (side, side), Image.Resampling.LANCZOS)
    with atomic_file(target) as temporary:
        square.save(temporary, "PNG")
