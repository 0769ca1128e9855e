"""The cards of the models: their pictures, measures and README.md, and the list of all of them.

It also draws the preview of a bundle again if the drawing has changed since the export.

Usage: python examples/model_cards.py [--text-only] [NAME ...]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import contact
import numpy as np
from model_list import MODELS, ROOT, TIMES, Model, read_models

from singan_core import encoding
from singan_core import manifest as manifests
from singan_core.listed_files import hash_inside
from singan_export.bundle import PREVIEW, draw_preview
from singan_runtime import Sampler, Walk, animate, evaluate
from singan_runtime.files import video
from singan_runtime.measures import scores
from singan_runtime.measures.evaluation import read_trained_photo

PICTURES = ROOT / "docs" / "pictures" / "models"
SCORES = MODELS / "scores.json"
JUDGED = 4  # samples, as in the tables of docs/quality.md
SAMPLE_HEIGHT, PHOTO_HEIGHT = 400, 533  # px, on the card
WIDE, TALL = (640, 1600), (1200, 540)  # px, (height, width)
LOOP_PIXELS = 54_000  # of a frame
LOOP_FRAMES = 24


def refresh_preview(bundle: Path, sampler: Sampler) -> None:
    """Draw a bundle's preview again and, if it differs, list the new one in the manifest."""
    pixels = draw_preview(sampler)
    if np.array_equal(pixels, contact.read(bundle / PREVIEW)):
        return
    encoding.save(bundle / PREVIEW, pixels)
    files = sampler.manifest.files | {PREVIEW: hash_inside(bundle, PREVIEW)}
    manifests.write(bundle, dataclasses.replace(sampler.manifest, files=files))


def draw_pictures(model: Model, sampler: Sampler) -> None:
    """Draw the pictures of a card: the photo, six samples, a wide and a tall one, and a loop."""
    photo = read_trained_photo(sampler)
    contact.save(contact.draw_row([photo], PHOTO_HEIGHT), find_picture(model, "photo.jpg"))

    drawn = [sampler.sample(seed=seed)[0] for seed in model.samples]
    labels = [f"seed {seed}" for seed in model.samples]
    rows = [
        contact.draw_row(drawn[at : at + 3], SAMPLE_HEIGHT, labels[at : at + 3])
        for at in range(0, len(drawn), 3)
    ]
    contact.save(contact.stack_rows(rows), find_picture(model, "samples.jpg"))
    for name, size, seed in (("wide.jpg", WIDE, model.wide), ("tall.jpg", TALL, model.tall)):
        pixels = sampler.sample(size, seed=seed)[0]
        contact.save(contact.draw_row([pixels], size[0]), find_picture(model, name))

    height, width = sampler.trained_size
    factor = (LOOP_PIXELS / (height * width)) ** 0.5
    size = (round(height * factor), round(width * factor))
    walk = Walk(frames=LOOP_FRAMES, loop=True, seed=model.loop)
    video.save(find_picture(model, "loop.gif"), animate(sampler, walk, size), fps=10)


def find_picture(model: Model, name: str) -> Path:
    """Find where a picture of a card stands."""
    return PICTURES / f"{model.name}_{name}"


def measure(sampler: Sampler) -> dict[str, str]:
    """Judge a model's samples, and return the measures as they are written."""
    found = evaluate(sampler, read_trained_photo(sampler), JUDGED).scores
    return {name: scores.describe(value) for name, value in found.measured.items()}


def record_scores(model: Model, measured: dict[str, str]) -> None:
    """Put a model's measures into the record, in place of older ones."""
    known = read_json(SCORES) | {model.name: measured}
    SCORES.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a record by model, which is empty if there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def make_card(model: Model, measured: dict[str, str], time: dict[str, Any]) -> str:
    """Make the text of a model's README.md."""
    size = manifests.read(model.bundle, "bundle", check_files=False).pyramid.finest
    pictures = f"../../docs/pictures/models/{model.name}"
    lines = [f"| {name} | {value} | {scores.MEANING[name]} |" for name, value in measured.items()]
    return CARD.format(
        model=model,
        size=f"{size[1]}x{size[0]}",
        pictures=pictures,
        scores="\n".join(lines),
        count=JUDGED,
        took=describe_time(time),
        training=model.describe_training(),
        megabytes=f"{count_bytes(model) / 1e6:.1f}",
    )


def describe_time(time: dict[str, Any]) -> str:
    """Say how long a training took and on what."""
    if "processor_seconds" in time:
        used = f"{time['processor_seconds']} s of processor time"
        return f"The training took {used}, {time['hardware']}."
    return f"The training took {time['seconds']} s, {time['hardware']}, which had other work too."


def count_bytes(model: Model) -> int:
    """Count the bytes of a bundle, which are those of the files in its manifest."""
    files = manifests.read(model.bundle, "bundle", check_files=False).files
    return sum((model.bundle / name).stat().st_size for name in files)


def write_list(models: list[Model]) -> None:
    """Write models/README.md: all models in one table."""
    rows = []
    for model in models:
        size = manifests.read(model.bundle, "bundle", check_files=False).pyramid.finest
        picture = f"../docs/pictures/models/{model.name}_photo.jpg"
        rows.append(
            f'| [<img src="{picture}" width="180" alt="{model.kind}">]({model.name}/README.md) '
            f"| [{model.name}]({model.name}/README.md) | {model.kind}. {model.draws} "
            f"| {size[1]}x{size[0]} | {count_bytes(model) / 1e6:.1f} MB "
            f"| {model.creator}, {model.licence.partition(',')[0]} |"
        )
    text = HEADER + "\n".join(rows) + "\n" + FOOTER
    (MODELS / "README.md").write_text(text, encoding="utf-8")


def main() -> None:
    """Make the cards that are asked for, or all, and the list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument(
        "--text-only", action="store_true", help="write the pages from what was measured before"
    )
    given = parser.parse_args()

    models = read_models()
    for model in models:
        if given.names and model.name not in given.names:
            continue
        if not given.text_only:
            print(f"{model.name}: pictures and measures", flush=True)
            sampler = Sampler.load(model.bundle)
            refresh_preview(model.bundle, sampler)
            draw_pictures(model, sampler)
            record_scores(model, measure(sampler))
        card = make_card(model, read_json(SCORES)[model.name], read_json(TIMES)[model.name])
        (model.bundle / "README.md").write_text(card, encoding="utf-8")
    write_list(models)


CARD = """# {model.name}

{model.kind}. {model.draws}

![The photo]({pictures}_photo.jpg)

The photo: {model.source}. By {model.creator}, licence {model.licence}.

What the model draws is made of the photo's own pixels, so its pictures and the model are under the
same licence.

    singan sample {model.name} --out pictures --size 1920x1080
    singan animate {model.name} --out loop.gif --loop

![Six samples, none of them the photo]({pictures}_samples.jpg)

![A wide one, seed {model.wide}]({pictures}_wide.jpg)

![A tall one, seed {model.tall}]({pictures}_tall.jpg)
![A loop, seed {model.loop}]({pictures}_loop.gif)

**Faults.** {model.faults}

## How it was made

    {training}
    singan export run --out models/{model.name}

{took} The photo is stored at {size}, and the bundle has {megabytes} MB.

On the same processor and with the same versions (constraints.txt), the same command gives the same
networks, byte for byte.

## Measures

`singan evaluate {model.name} --count {count}` prints these.
[docs/quality.md](../../docs/quality.md) has the recipes.

| measure | value | meaning |
|---|---|---|
{scores}
"""

HEADER = """# Models

Each folder holds a bundle that draws at once, without training:

    singan models
    singan sample sunset --out pictures --count 5 --size 1920x1080

Each was trained from one openly licensed photograph with the preset `standard`, in about a minute
and a half of one processor. Its card shows what it draws and names its faults, its licence and the
command that makes it again.

| photo | model | what it draws | stored at | size | photo by |
|---|---|---|---|---|---|
"""

FOOTER = """
They are no part of the package that pip installs. `make models` trains those of
[models.toml](models.toml) that have no bundle, and `make cards` draws the cards' pictures and
writes these pages, after a change of the drawing too. The benchmarks and `make figures` use
aitzgorri.

**Limits of all of them.** Everything finer than 25 px is the photo's own, copied in pieces. Beyond
a zoom of about 2.4 pictures get soft. [docs/quality.md](../docs/quality.md) says how samples are
judged.
"""


if __name__ == "__main__":
    main()
