"""Every picture of the docs, made anew by the programs that made it.

Some show photographs of Debian's package lomiri-wallpapers-16.04, which the repository does not
hold (examples/CREDITS.md). With --photos DIR, a folder with picosdeeuropa.jpg and sunset.jpg,
models of them are trained into --work first; without it those pictures are left out.

Usage: python examples/figures.py [--photos DIR] [--work DIR] [--out DIR] [--only PART]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MODEL = "models/aitzgorri"
RETARGETED = (
    *("crop", "stretch", "seam_carving_object_spared", "retarget"),
    "retarget_keep",
)


@dataclass(frozen=True)
class Figure:
    """Pictures that one command makes.

    In its words {out} is the folder of pictures, and {NAME} the model of a wallpaper.
    """

    command: str
    pictures: tuple[str, ...]


FIGURES = (
    Figure(
        f"python examples/readme_pictures.py {MODEL} examples/aitzgorri.jpg {{out}}",
        (
            *("photo.jpg", "sample_1.jpg", "sample_2.jpg", "sample_3.jpg"),
            *("screen.jpg", "tall.jpg", "wide.jpg"),
            *("animation.gif", "animation_over_time.jpg", "animation_grid.jpg"),
        ),
    ),
    Figure(
        f"python examples/method_pictures.py --bundle {MODEL} --out {{out}}",
        ("how_pyramid.jpg", "how_map.jpg", "how_start_scales.jpg"),
    ),
    Figure(
        f"python examples/editing_pictures.py --bundle {MODEL} --out {{out}}",
        ("harmonize.jpg", "edit.jpg", "paint.jpg", "upscale.jpg"),
    ),
    Figure(
        f"python examples/keep_picture.py --bundle {MODEL} --out {{out}}/keep.jpg", ("keep.jpg",)
    ),
    Figure(
        f"singan sample {MODEL} --best 12 --count 3 --sheet {{out}}/choice.jpg", ("choice.jpg",)
    ),
    Figure(
        "python benchmarks/retarget.py --pictures {out}",
        tuple(
            f"retarget_{shape}_{name}.jpg" for shape in ("wide", "narrow") for name in RETARGETED
        ),
    ),
    Figure(f"python examples/page_picture.py {MODEL} {{out}}/page.jpg", ("page.jpg",)),
    Figure(
        f"python examples/editing_sheets.py {MODEL} {{picosdeeuropa}} {{sunset}} --out {{out}}",
        (
            *("edit_sheet.jpg", "harmonize_sheet.jpg", "paint_sheet.jpg"),
            *("retarget_sheet.jpg", "upscale_sheet.jpg"),
        ),
    ),
    Figure(
        "python examples/quality_sheets.py --out {out}",
        ("models_sheet.jpg", "detail_sheet.jpg", "shapes.jpg", "composition.jpg", "slips.jpg"),
    ),
)
WALLPAPERS = ("picosdeeuropa", "sunset")


def run(command: str) -> None:
    """Run a command of this environment in the repository's folder, or end with its status."""
    print("$", command, flush=True)
    name, *words = command.split()
    program = sys.executable if name == "python" else find_program(name)
    status = subprocess.run([program, *words], cwd=ROOT).returncode
    if status != 0:
        sys.exit(f"figures: '{command}' failed; see its message above")


def find_program(name: str) -> str:
    """Find a program beside this Python."""
    found = shutil.which(name, path=Path(sys.executable).parent)
    return found or sys.exit(f"figures: {name} is not installed beside this Python")


def train(photo: Path, work: Path) -> Path:
    """Train and export a model of a photo, unless that has been done, and return its bundle."""
    bundle, trained = work / photo.stem, work / f"{photo.stem}.run"
    if not (bundle / "manifest.json").exists():
        run(f"singan train {photo} --out {trained}")
        run(f"singan export {trained} --out {bundle}")
    return bundle


def main() -> None:
    """Make all pictures, or those of one part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, help="folder of the wallpapers")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "figures")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    parser.add_argument("--only", help="what the command of a figure must contain, as keep_picture")
    given = parser.parse_args()
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)

    models: dict[str, Path] = {}
    left_out: list[str] = []
    for figure in FIGURES:
        if given.only and given.only not in figure.command:
            continue
        needed = [name for name in WALLPAPERS if f"{{{name}}}" in figure.command]
        if needed and given.photos is None:
            left_out += figure.pictures
            continue
        for name in needed:
            models[name] = train(given.photos.resolve() / f"{name}.jpg", given.work.resolve())
        run(figure.command.format(out=out, **models))

    if left_out:
        print(f"left out, since they need --photos: {', '.join(left_out)}")


if __name__ == "__main__":
    main()
