"""The plan of a run that has not begun, in words."""

from __future__ import annotations

from singan_train.run.header import RunHeader
from singan_train.scale.networks import Discriminator, Generator


def describe_plan(start: RunHeader) -> str:
    """Describe the pyramid of a run, a line for each scale."""
    config, pyramid = start.config, start.pyramid
    height, width = start.photo_size
    labels = f" and labels {', '.join(start.labels)}" if start.labels else ""
    lines = [
        f"{start.name}: {width}x{height}, {start.picture_channels} channels{labels}; "
        f"preset {config.preset}, seed {config.seed}, device {start.device}, {config.precision}, "
        f"border {config.border}",
        f"{len(pyramid.shapes)} scales to train, factor {pyramid.scale_factor:.4f}; an iteration "
        f"is {config.discriminator_steps} discriminator and {config.generator_steps} generator "
        "steps",
    ]

    for scale, (rows, columns) in enumerate(pyramid.sizes):
        name = f"scale {scale}" if scale < len(pyramid.shapes) else "continuation"
        lines.append(
            f"  {name}: {columns}x{rows}, width {config.width_at(scale)}, "
            f"{count_parameters(start, scale)} parameters, "
            f"{config.iterations_for((rows, columns))} iterations"
        )
    credits = str(start.credits)
    said = [f"photo {credits}: the files of its pictures say so"] if credits else []
    return "\n".join([*lines, *list_detail(start), *said])


def count_parameters(start: RunHeader, scale: int) -> int:
    """Count the parameters of a scale's generator and discriminator."""
    config, width = start.config, start.config.width_at(scale)
    networks = (
        Generator(start.channels, width, config.generator_norm),
        Discriminator(start.channels, width, config.discriminator_norm),
    )
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def list_detail(start: RunHeader) -> list[str]:
    """List the detail levels above the generators, or say why there are none."""
    levels = start.pyramid.levels
    if not levels:
        hand_over = start.config.hand_over
        reason = f"no detail levels: the photo is no larger than the hand-over of {hand_over} px"
        return [reason] if start.config.detail else []

    height, width = levels[-1]
    masks = ", and so are the masks" if start.labels else ""
    return [
        f"{len(levels)} detail levels, nothing to train: they draw with pixels of the photo itself",
        *(f"  level {level}: {columns}x{rows}" for level, (rows, columns) in enumerate(levels)),
        "the photo is stored in the run and in what is exported from it, at "
        f"{width}x{height}{masks}",
    ]
