"""The options of singan export for TensorRT's engines, with their help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from singan_cli.options import limit_to
from singan_cli.parse import read_size

if TYPE_CHECKING:
    from singan_core.pyramid import Size
    from singan_export.engines.record import Record

DETAIL = ("auto", "none")
"""The words of --detail."""


def name_size(word: str, what: str, default: str) -> Any:
    """Make an option for a size of the profile."""
    return typer.Option(
        f"--profile-{word}",
        metavar="WxH",
        help=f"{what} picture that the engines of tensorrt can draw.",
        show_default=default,
    )


ProfileMin = Annotated[str | None, name_size("min", "Smallest", "that of --profile-opt")]
ProfileOpt = Annotated[str | None, name_size("opt", "Usual", "the trained size")]
ProfileMax = Annotated[str | None, name_size("max", "Largest", "twice --profile-opt")]
Detail = Annotated[
    str,
    typer.Option(
        "--detail",
        help="none: also build one engine of all generators together, for a model whose detail "
        "comes from the photo. Other models always have it.",
        **limit_to(DETAIL),
    ),
]


@dataclass(frozen=True)
class Engines:
    """Which engines are to be built."""

    least: Size | None
    usual: Size | None
    most: Size | None
    whole: bool  # with one of all scales together, whatever the model

    def build(self, bundle: Path, precision: str, force: bool) -> list[str]:
        """Build them, and say in lines what was built."""
        from singan_export.engines import building
        from singan_export.engines.profiles import choose_profile
        from singan_runtime import Sampler

        sampler = Sampler.load(bundle, device="cpu")
        profile = choose_profile(sampler, self.least, self.usual, self.most)
        folder, record = building.build(bundle, precision, profile, self.whole, force)
        return [*list_engines(record), f"wrote {folder}"]


def choose(
    asked: bool, least: str | None, usual: str | None, most: str | None, detail: str
) -> Engines | None:
    """Choose the engines to build, if any.

    Raises typer.BadParameter for options without --format tensorrt and for words that are no sizes,
    RequestError for another --detail, InstallError if TensorRT is missing: all before any work.
    """
    from singan_core.errors import RequestError
    from singan_export.engines.building import open_adapter

    if detail not in DETAIL:
        raise RequestError(f"unknown detail {detail!r}: choose {', '.join(DETAIL)}")
    given = (least, usual, most)
    if not asked:
        if any(given) or detail != "auto":
            raise typer.BadParameter("--profile-... and --detail belong to --format tensorrt")
        return None
    sizes = [None if word is None else read_size(word) for word in given]
    open_adapter()
    return Engines(sizes[0], sizes[1], sizes[2], detail == "none")


def list_engines(record: Record) -> list[str]:
    """List the engines of a record, and where they run."""
    origin = record.origin
    lines = []
    for name, engine in record.engines.items():
        _, usual, most = (shape[-1:-3:-1] for shape in next(reversed(engine.inputs.values())))
        sides = " to ".join("x".join(map(str, one)) for one in (usual, most))
        lines.append(f"{name}: {engine.size / 1000:.0f} kB, inputs of {sides}")
    where = origin.gpu or "RTX cards"
    return [*lines, f"{origin.library} {origin.version}, {origin.precision}, for {where}"]
