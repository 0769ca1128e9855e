"""Errors that a user can cause and mend.

Each message says what was found, what is allowed and what to do next.
"""


def say_reason(error: BaseException) -> str:
    """Say on one line why something failed, without the number that the system has for it."""
    reason = error.strerror if isinstance(error, OSError) else None
    return " ".join((reason or str(error)).split()) or type(error).__name__


class SinGANError(Exception):
    """Base of every error that this project raises on purpose."""


class ImageError(SinGANError):
    """A picture file cannot be used."""


class RequestError(SinGANError):
    """A size, zoom, scale, device or other option cannot be served."""


class BundleError(SinGANError):
    """A run or bundle folder is missing, unfinished, damaged or too new."""


class TrainingError(SinGANError):
    """Training cannot start or cannot go on."""


class ParityError(SinGANError):
    """An exported graph does not compute what the trained network computes."""


class ExportError(SinGANError):
    """A format cannot be written."""


class InstallError(SinGANError):
    """An optional package is missing or clashes with another one."""


class OutputError(SinGANError):
    """A result cannot be written: no permission, or the disk is full."""


class CheckpointError(SinGANError):
    """A checkpoint of another program cannot be imported."""
