"""The diagnosis of an installation: what is there, what works, and the lines that mend the rest."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict, dataclass
from typing import Any

from singan_core.errors import SinGANError
from singan_core.version import find_version
from singan_runtime import devices, providers
from singan_runtime.doctor import hardware, packages
from singan_runtime.doctor.hardware import Processor
from singan_runtime.doctor.packages import Package


@dataclass(frozen=True)
class Device:
    """A word of --device, and why it cannot be had: an empty text if it can."""

    device: str
    provider: str  # ONNX Runtime's name for it
    is_listed: bool  # the installed ONNX Runtime was built with it
    obstacle: str


@dataclass(frozen=True)
class Diagnosis:
    """What is installed on a machine, and what works."""

    singan: str
    python: str
    executable: str
    system: str
    processor: Processor
    packages: tuple[Package, ...]
    flavours: dict[str, str | None]  # distributions of ONNX Runtime that are installed: versions
    devices: tuple[Device, ...]  # that draw
    gpus: tuple[str, ...]
    libraries: dict[str, str | None]

    @property
    def installs(self) -> dict[str, str]:
        """The commands that install what is missing, by extra."""
        return packages.list_installs(self.packages)

    def to_json(self) -> dict[str, Any]:
        """Return everything as types of JSON."""
        listed = [{**asdict(one), "is_usable": one.is_usable} for one in self.packages]
        drawn = [{**asdict(one), "works": not one.obstacle} for one in self.devices]
        return {**asdict(self), "packages": listed, "devices": drawn, "installs": self.installs}


def diagnose() -> Diagnosis:
    """Look at this machine. Nothing that is missing or broken is an error here."""
    installed = providers.list_installed()
    return Diagnosis(
        singan=find_version(),
        python=platform.python_version(),
        executable=sys.executable,
        system=f"{platform.system()} {platform.release()}",
        processor=hardware.describe_processor(),
        packages=tuple(packages.list_packages()),
        flavours={name: packages.find_version(name) for name in installed},
        devices=tuple(try_device(device) for device in providers.PROVIDERS),
        gpus=tuple(hardware.list_gpus()),
        libraries=hardware.find_libraries(),
    )


def try_device(device: str) -> Device:
    """Let a device compute, if it can be had."""
    name = providers.PROVIDERS[device].name
    try:
        listed = providers.import_onnxruntime().get_available_providers()
    except SinGANError as error:
        return Device(device, name, False, str(error))

    try:
        devices.check_start(providers.PROVIDERS[device])
    except SinGANError as error:
        return Device(device, name, name in listed, str(error))
    return Device(device, name, True, "")
