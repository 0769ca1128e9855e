"""singan doctor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from singan_cli.options import AsJson
from singan_cli.terminal import say

if TYPE_CHECKING:
    from singan_runtime.doctor.diagnosis import Diagnosis


def command(to_json: AsJson = False) -> None:
    """Say what is installed, what works, and what mends the rest.

    The exit status is 1 where nothing can be drawn.
    """
    from singan_core.errors import InstallError
    from singan_runtime import providers
    from singan_runtime.doctor.diagnosis import diagnose
    from singan_runtime.doctor.packages import ALWAYS

    found = diagnose()
    training = try_training()
    if to_json:
        say(json.dumps({**found.to_json(), "training": training}, indent=2))
    else:
        say("\n".join([*list_findings(found), *list_training(training), *list_lines(found)]))

    providers.import_onnxruntime()
    if line := found.installs.get(ALWAYS):
        raise InstallError(f"packages that every command needs are missing or too old; run: {line}")


def try_training() -> dict[str, str] | None:
    """Try the devices that train: why each cannot be had. None without PyTorch."""
    from singan_core.device_names import TRAINING
    from singan_core.errors import RequestError

    try:
        from singan_train.device import choose_device
    except (ImportError, OSError):  # missing, or with a library that is
        return None

    found = {}
    for device in TRAINING:
        if device == "auto" or ":" in device:
            continue
        try:
            choose_device(device)
            found[device] = ""
        except RequestError as error:
            found[device] = str(error)
    return found


def list_findings(found: Diagnosis) -> Iterator[str]:
    """List what was found, line by line."""
    processor = found.processor
    yield f"singan {found.singan}, Python {found.python} ({found.executable}), {found.system}"
    yield (
        f"{processor.name}, {processor.machine}, {processor.usable} processors: "
        f"{' '.join(processor.features) or 'features unknown'}"
    )
    for gpu in found.gpus:
        yield f"GPU: {gpu}"

    yield "packages:"
    for extra in dict.fromkeys(one.extra for one in found.packages):
        yield f"  {extra}: {', '.join(str(one) for one in found.packages if one.extra == extra)}"
    flavours = [f"{name} {version}" for name, version in found.flavours.items()]
    yield f"  ONNX Runtime: {' and '.join(flavours) or 'missing'}"

    yield "libraries of NVIDIA:"
    for name, file in found.libraries.items():
        yield f"  {name}: {file or 'not found'}"
    yield "devices that draw:"
    obstacles = {one.obstacle for one in found.devices}
    if len(obstacles) == 1 and "" not in obstacles:
        yield f"  none: {obstacles.pop()}"
        return
    for one in found.devices:
        yield describe_device(one.device, one.obstacle)


def list_training(training: dict[str, str] | None) -> Iterator[str]:
    """List the devices that train, line by line."""
    yield "devices that train:"
    if training is None:
        yield "  none, since PyTorch cannot be imported"
        return
    for device, obstacle in training.items():
        yield describe_device(device, obstacle)


def describe_device(device: str, obstacle: str) -> str:
    """Describe a device on one line: that it works, or why it does not and what to do."""
    reason = obstacle.removeprefix(f"device {device}: ").removesuffix(", or use --device cpu")
    return f"  {device}: {reason.removesuffix('; use --device cpu') or 'works'}"


def list_lines(found: Diagnosis) -> Iterator[str]:
    """List the commands that install what is missing."""
    if found.installs:
        yield "to install what is missing:"
    for extra, line in found.installs.items():
        yield f"  {extra}: {line}"
