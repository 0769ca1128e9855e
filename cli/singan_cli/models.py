"""singan models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from singan_cli.models_folder import VARIABLE, choose_models_folder, list_bundles
from singan_cli.options import AsJson
from singan_cli.terminal import say
from singan_core import manifest as manifests
from singan_core.bundle_paths import name_bundle
from singan_core.errors import BundleError


def command(
    models_dir: Annotated[
        Path | None,
        typer.Option(
            "--models-dir",
            metavar="DIR",
            help="Folder of bundles.",
            show_default=f"{VARIABLE} or ./models",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the models that other commands know by name.

    They are the bundles in a folder, one-file models included. Wherever a command takes a
    BUNDLE, the name of one of them will do.
    """
    folder = choose_models_folder(models_dir)
    found = []
    for bundle in list_bundles(folder):
        try:
            found.append(describe_model(bundle))
        except BundleError as error:
            say(f"warning: {error}", err=True)

    if as_json:
        say(json.dumps(found, indent=2))
    elif not found:
        say(f"{folder}: no bundles; make one with 'singan export'")
    else:
        widest = max(len(one["name"]) for one in found)
        say("\n".join(f"{one['name']:{widest}}  {write_line(one)}" for one in found))


def describe_model(bundle: Path) -> dict[str, Any]:
    """Describe a bundle, of which the manifest alone is read. Raises BundleError."""
    manifest = manifests.read(bundle, "bundle", check_files=False)
    height, width = manifest.pyramid.finest
    return {
        "name": name_bundle(bundle),
        "path": str(bundle),
        "width": width,
        "height": height,
        "detail": manifest.detail is not None,
        "labels": list(manifest.labels),
        "creator": manifest.creator,
        "licence": manifest.licence,
    }


def write_line(model: dict[str, Any]) -> str:
    """Write what is to be said of a model, on one line."""
    words = [f"{model['width']}x{model['height']}"]
    words += [] if model["detail"] else ["without detail"]
    words += [f"labels {', '.join(model['labels'])}"] if model["labels"] else []
    credits = ", ".join(filter(None, (model["creator"], model["licence"])))
    words += [f"photo {credits}"] if credits else []
    return "; ".join(words)
