"""Makes notebooks/singan.ipynb: the cells that stand here, executed, with what they show.

It needs the extras export, cpu, plot and notebook, and takes as long as training a draft.

Usage: python examples/make_notebook.py [FILE]
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode, v4

from singan_core.atomic import atomic_file

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "singan.ipynb"
TIMEOUT = 3600  # seconds for a cell, also on a busy machine

CELLS = (
    """# From one photo to new pictures of its scene

This notebook does the whole job: it loads a photo, trains a model on it, looks at what was learnt,
and draws pictures of any size, still and moving. All of it takes two to four minutes on two cores,
most of them for the training. Run it in JupyterLab or VS Code with the environment that `make`
builds (`.venv`), or in any environment with `pip install '.[export,cpu,plot,notebook]'`.

The photo is *aitzgorri* by Aitzol Berasategi, CC BY 4.0. Put another one in its place if you
like.""",
    """\
import io
import tempfile
from pathlib import Path

import numpy as np
from IPython.display import Image, display
from PIL import Image as Pictures

from singan_core import encoding

ROOT = next(one for one in (Path.cwd(), *Path.cwd().parents) if (one / "examples").is_dir())
PHOTO = ROOT / "examples" / "aitzgorri.jpg"
FOLDER = Path(tempfile.mkdtemp())  # of everything that is made here


def show(*pictures, height=200):
    \"\"\"Show pictures, uint8 (h, w, 3), side by side at one height.\"\"\"
    gap = np.full((height, 6, 3), 255, np.uint8)
    row = []
    for pixels in pictures:
        image = Pictures.fromarray(pixels)
        width = round(image.width * height / image.height)
        row += [np.asarray(image.resize((width, height), Pictures.Resampling.LANCZOS)), gap]
    display(Image(encoding.encode(np.concatenate(row[:-1], axis=1), "jpeg", quality=80)))


photo = np.asarray(Pictures.open(PHOTO).convert("RGB"))
print(f"{photo.shape[1]}x{photo.shape[0]}")
show(photo)""",
    """## Train

A model is a pyramid of small networks, from coarse to fine. Each learns one scale of the photo: a
generator, which draws, and a discriminator, which tells drawn patches from the photo's. `draft` is
the quickest preset. Use `standard` for a model to keep. The layout `free` lets things stand
elsewhere than in the photo.""",
    """\
import torch

from singan_train import choose_device, make_config, train

torch.set_num_threads(1)  # more are slower, unless each has a core to itself

config = make_config("draft", max_size=1280, min_size=19, variety=0.3)  # --layout free
run = train(PHOTO, FOLDER / "run", config, choose_device("cpu"))
print(sorted(path.name for path in run.iterdir()))""",
    """## Look at the pyramid

For each scale: the photo at that size on the left, and what the generators make of it from the
noise that stands for the photo. The finest generator draws 25 px. Everything finer comes from the
photo itself.""",
    """\
for scale in sorted(run.glob("scale_*")):
    real, again = (
        np.asarray(Pictures.open(scale / name).convert("RGB").resize((240, 160), 0))
        for name in ("real.png", "reconstruction.png")
    )
    print(scale.name, "{}x{}".format(*Pictures.open(scale / "real.png").size))
    show(real, again, height=120)""",
    """The losses of each scale. The scores of real and drawn patches come closer to each other as
the generator gets better. The error of the reconstruction falls.""",
    """\
from matplotlib.figure import Figure

from singan_train.report.plot import read_metrics

figure = Figure(figsize=(9, 2.6), layout="constrained", dpi=80)
scores, error = figure.subplots(1, 2)
for scale, rows in read_metrics(run).items():
    steps = [row["iteration"] for row in rows]
    for name, style in (("real", "-"), ("fake", ":")):
        values = [row[name] for row in rows]
        scores.plot(steps, values, style, color=f"C{scale}", label=f"{name}, scale {scale}")
    error.plot(steps, [row["rmse"] for row in rows], color=f"C{scale}", label=f"scale {scale}")
scores.set(title="discriminator's scores", xlabel="iteration")
error.set(title="error of the reconstruction", xlabel="iteration", ylim=(0, None))
scores.legend(fontsize=6)
error.legend(fontsize=6)

plot = io.BytesIO()
figure.savefig(plot, format="png")
display(Image(plot.getvalue()))""",
    """## Export

The bundle is what a program needs to draw: ONNX graphs, the photo and a manifest. It needs no
PyTorch. The export compares every graph with the network that it came from.""",
    """\
from singan_export.bundle import export

parity = export(run, FOLDER / "bundle")
size = sum(file.stat().st_size for file in (FOLDER / "bundle").rglob("*") if file.is_file())
print(f"graphs compute what the networks do: {parity.passed}; {size / 1e6:.1f} MB")""",
    """## Draw

Each seed is a new picture, and the same seed is always the same picture. None of these is the
photo.""",
    """\
from singan_runtime import Sampler

sampler = Sampler.load(FOLDER / "bundle")
for first in (0, 3):
    show(*sampler.sample((400, 600), seed=first, count=3))""",
    """Any size will do: a banner, a square and a phone, drawn for their shape and not cropped.""",
    """\
sizes = [(300, 1200), (500, 500), (800, 370)]
show(*(sampler.sample(size, seed=5)[0] for size in sizes))""",
    """Move the sliders to try others. (They work in a running notebook. Here they stand still.)""",
    """\
from ipywidgets import IntSlider, interact


@interact(
    width=IntSlider(600, 100, 1600, 20, continuous_update=False),
    height=IntSlider(300, 100, 1000, 20, continuous_update=False),
    seed=IntSlider(0, 0, 99, continuous_update=False),
)
def draw(width, height, seed):
    show(sampler.sample((height, width), seed=seed)[0], height=min(height, 400))""",
    """## Animate

A walk through the noise moves the scene. With `loop=True` it ends where it began.""",
    """\
from singan_runtime import Walk, animate
from singan_runtime.files import video

frames = animate(sampler, Walk(frames=20, loop=True), (160, 240))
video.save(FOLDER / "loop.gif", frames, fps=10)
display(Image(FOLDER / "loop.gif"))""",
    """## And then

- `singan sample FOLDER --out pictures --size 1920x1080` does the same on the command line, and
  `singan serve` behind a URL.
- [models/](../models/README.md) has trained models of other photos.
- [docs/python.md](../docs/python.md) shows editing, harmonizing, painting, enlarging, datasets and
  scores.""",
)
"""The cells in their order: text in Markdown and Python in turn."""


def make_notebook() -> NotebookNode:
    """Make the notebook as it is before it runs."""
    notebook = v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for number, source in enumerate(CELLS):
        new_cell = v4.new_code_cell if number % 2 else v4.new_markdown_cell
        name = hashlib.sha256(source.encode()).hexdigest()[:8]
        notebook.cells.append(new_cell(source, id=name))
    return notebook


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run all cells in a folder, and keep what they show. Raises CellExecutionError."""
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(
        notebook, timeout=TIMEOUT, kernel_name="python3", resources=resources, record_timing=False
    )
    return client.execute()


def main(path: Path) -> None:
    """Make the notebook, run it, and write it."""
    notebook = execute(make_notebook(), ROOT)
    with atomic_file(path) as temporary:
        nbformat.write(notebook, temporary)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else NOTEBOOK)
