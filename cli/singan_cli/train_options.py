"""The options of 'singan train', with their help."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, get_args

import typer

from singan_cli.options import limit_to, name_device
from singan_core import RECEPTIVE_FIELD
from singan_core.device_names import TRAINING
from singan_core.file_limits import MOST_HAND_OVER, MOST_SCALES, MOST_SIDE
from singan_core.picture_failures import READABLE
from singan_train import config
from singan_train.config import LAYOUTS, MOST_ON_CUDA, PRESETS, WITHOUT_DETAIL, TrainingConfig
from singan_train.threads import DETAIL_THREADS, SPARED

LAYOUT_SIZES = ", ".join(f"{name} {layout.min_size}" for name, layout in LAYOUTS.items())


def list_defaults(field: str, presets: Mapping[str, TrainingConfig] = PRESETS) -> str:
    """List the default of a field in every preset."""
    return ", ".join(f"{name} {getattr(preset, field)}" for name, preset in presets.items())


def list_both_defaults(field: str) -> str:
    """Give the default of a field with detail, then list those without detail."""
    return (
        f"{getattr(TrainingConfig, field)}; without detail: {list_defaults(field, WITHOUT_DETAIL)}"
    )


Photo = Annotated[Path, typer.Argument(metavar="PHOTO", help=f"{READABLE} file.")]
Out = Annotated[
    Path,
    typer.Option(
        "--out", "-o", metavar="RUN", help="Folder of the run: a new one, or with --resume its own."
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        help="How much to train: draft takes the fewest minutes, standard some more, paper hours "
        "on a CPU.",
        show_default=TrainingConfig.preset,
        **limit_to(PRESETS),
    ),
]
MaxSize = Annotated[
    int | None,
    typer.Option(
        help=f"Longer side of the finest scale, {RECEPTIVE_FIELD} to {MOST_SIDE} px, at most the "
        "photo's own. With detail, the photo is stored at this size.",
        show_default=f"{list_both_defaults('max_size')}, standard on a GPU {MOST_ON_CUDA}",
    ),
]
MinSize = Annotated[
    int | None,
    typer.Option(
        help=f"Shorter side of the coarsest scale, {RECEPTIVE_FIELD} to 1024 px.",
        show_default=list_both_defaults("min_size"),
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        help="How closely pictures follow the photo's layout: free, scene or strict. "
        f"Sets --min-size ({LAYOUT_SIZES}).",
        show_default="by --min-size",
        **limit_to(LAYOUTS),
    ),
]
HandOver = Annotated[
    int | None,
    typer.Option(
        help=f"Shorter side of the last generator's canvas, {RECEPTIVE_FIELD} to "
        f"{MOST_HAND_OVER} px. Detail levels go on from there.",
        show_default=str(TrainingConfig.hand_over),
    ),
]
Detail = Annotated[
    bool | None,
    typer.Option(
        "--detail/--no-detail",
        help="Draw everything finer than the hand-over from the photo itself, which is then "
        "stored in the model. Without detail, generators are trained up to the finest scale.",
        show_default=list_defaults("detail"),
    ),
]
Scales = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MOST_SCALES,
        help="Number of scales to train, 1 to as many as the pixels between the coarsest and the "
        "finest size.",
        show_default=f"as many as fit factor {TrainingConfig.scale_factor}",
    ),
]
Schedule = Annotated[
    str | None,
    typer.Option(
        help="How sizes grow from scale to scale: geometric (by a constant factor) or linear (by "
        "a constant number of pixels).",
        show_default=TrainingConfig.schedule,
        **limit_to(get_args(config.Schedule)),
    ),
]
Channels = Annotated[
    str | None,
    typer.Option(
        help="auto (follows the photo), 1 (grey), 3 (RGB) or 4 (RGBA).",
        show_default=TrainingConfig.channels,
        **limit_to(("auto", "1", "3", "4")),
    ),
]
Mask = Annotated[
    str | None,
    typer.Option(
        "--mask",
        metavar="MASK[,MASK...]",
        help="Pictures of the photo's size, white (128 to 255) on an object, or alpha for the "
        "photo's own transparency. Each becomes a label of the samples, named after its file. Or a "
        "file of COCO's annotations (.json), with a label for each of its categories.",
        show_default="no labels",
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        "--classes",
        metavar="NAME[,NAME...]",
        help="The one --mask holds class numbers: the names of 1, 2 and so on.",
        show_default="none",
    ),
]
Creator = Annotated[
    str | None,
    typer.Option(
        help="Who made the photo. Stands in the metadata of all that is drawn from it.",
        show_default="what the photo's own metadata says",
    ),
]
Licence = Annotated[
    str | None,
    typer.Option(
        "--licence",
        "--license",
        help="Licence of the photo, its name or address. Stands beside the creator.",
        show_default="what the photo's own metadata says",
    ),
]
Border = Annotated[
    str | None,
    typer.Option(
        help="What the generators see beyond the edge of the canvas: zero or noise.",
        show_default=TrainingConfig.border,
        **limit_to(get_args(config.Border)),
    ),
]
Iterations = Annotated[
    int | None,
    typer.Option(
        help="Training iterations of a coarse scale, 1 to 1000000.",
        show_default=list_defaults("iterations"),
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        help="Arithmetic of the training: float32, bfloat16, or auto (bfloat16 where the CPU has "
        "it).",
        show_default=list_defaults("precision"),
        **limit_to(get_args(config.Precision)),
    ),
]
Continuation = Annotated[
    bool | None,
    typer.Option(
        "--continuation/--no-continuation",
        help="Without detail: train one more generator, for pictures larger than the photo (zoom "
        "above 1).",
        show_default=list_defaults("continuation", WITHOUT_DETAIL),
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Seed of everything random, 0 to 2^63-1.", show_default=str(TrainingConfig.seed)
    ),
]
Device = Annotated[str, name_device(TRAINING, "trains")]
Threads = Annotated[
    int | None,
    typer.Option(
        help="CPU threads, 1 to 4 per core. Several are faster only where each has a core to "
        "itself.",
        show_default=f"{DETAIL_THREADS}; without detail one per core but {SPARED}",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the stopped run in RUN.")]
Tensorboard = Annotated[
    bool,
    typer.Option(
        "--tensorboard", help="Also write the losses for TensorBoard, into RUN/tensorboard."
    ),
]
ProgressAsJson = Annotated[
    bool,
    typer.Option(
        "--progress-json",
        help="Print progress for programs: every second a line of JSON on stderr.",
    ),
]
Preview = Annotated[
    bool,
    typer.Option(
        "--preview/--no-preview", help="Finish with a contact sheet of samples, RUN/sheet.jpg."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and write nothing.")]
