"""singan make."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from singan_cli import make_options as options
from singan_cli import parse, train_options
from singan_cli.opening import open_sampler
from singan_cli.options import (
    Alt,
    Background,
    HasMetadata,
    Keeps,
    MaxPixels,
    Places,
    Quality,
    Threads,
    ZoomWord,
)
from singan_cli.progress import ShowStage, say_device, show_stages
from singan_cli.sampling import say_zoom
from singan_cli.signals import StoppedBySignal, collect_signals, retell
from singan_cli.terminal import say
from singan_core.device_names import parse_device
from singan_core.fitting import MAX_PIXELS
from singan_core.paths import check_output_folder
from singan_core.processors import check_threads
from singan_train.config import expand_layout

if TYPE_CHECKING:
    from singan_cli.site.material import Training
    from singan_cli.site.record import SiteRecord
    from singan_cli.site.spec import SiteSpec
    from singan_runtime import Sampler
    from singan_runtime.parsing import Place
    from singan_train.report.progress import Progress

GO_ON = "stopped; what is done is kept: repeat the command to go on"


def command(
    source: options.Source,
    screens: options.Screens,
    out: options.Out,
    preset: train_options.Preset = None,
    layout: options.Layout = None,
    max_size: train_options.MaxSize = None,
    creator: train_options.Creator = None,
    licence: train_options.Licence = None,
    seed: options.Seed = None,
    candidates: options.Candidates = None,
    calm: options.Calm = "",
    keep: Keeps = None,
    place: Places = None,
    zoom: ZoomWord = "auto",
    formats: options.Formats = options.USUAL_FORMATS,
    quality: Quality = None,
    background: Background = "white",
    metadata: HasMetadata = True,
    alt: Alt = "",
    device: options.Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
    open_page: options.Open = False,
) -> None:
    """Draw one scene of a photo for every screen.

    Trains and exports first, if need be. All pictures have the same seed. A stopped command goes on
    when it is repeated; SITE/model keeps the run and the bundle.
    """
    from singan_cli.site.material import MODEL, Training, find_kind
    from singan_cli.site.record import read_record
    from singan_cli.site.screen_list import read_screens
    from singan_cli.site.spec import CALM_CANDIDATES, SiteSpec
    from singan_core.encoding import Style
    from singan_runtime.markup import read_formats
    from singan_runtime.request import Request

    spec = SiteSpec(
        read_screens(screens),
        Request(None, seed or 0, parse.read_zoom(zoom)),
        calm,
        candidates or (CALM_CANDIDATES if calm else None if seed is None else 1),
        read_formats(formats),
        Style("", parse.read_background(background), quality, metadata),
        alt,
    )
    places = [parse.read_place(word) for word in place or ()]
    parse_device(device, options.DEVICES)
    find_kind(source)
    check_output_folder(out / MODEL)
    read_record(out)
    if threads is not None:
        check_threads(threads)
    asked = {"preset": preset, "max_size": max_size, **expand_layout(layout, None)}
    training = Training(asked, device, threads, creator, licence)

    record = make(source, out, spec, (keep or (), places), training, max_pixels)
    say_result(out, record)
    if open_page:
        open_in_browser(out)


def make(
    source: Path,
    out: Path,
    spec: SiteSpec,
    keep: tuple[Sequence[str], Sequence[Place]],
    training: Training,
    max_pixels: int,
) -> SiteRecord:
    """Train, export and draw what is not there yet, on one display of progress."""
    try:
        with show_stages() as show:
            bundle = make_bundle(source, out, training, show)
            sampler = open_sampler(bundle, training.device, training.threads, max_pixels)
            say_device(training.device)
            return draw(sampler, out, spec, keep, show)
    except KeyboardInterrupt as stopped:
        raise retell(stopped, GO_ON) from None


def make_bundle(source: Path, out: Path, training: Training, show: ShowStage) -> Path:
    """Return the bundle of a source, and make it in the site's folder if need be."""
    from singan_cli.progress import describe_progress
    from singan_cli.site import material
    from singan_cli.training_time import describe_seconds

    def begin(seconds: float) -> None:
        show("training", 0.0, f"about {describe_seconds(seconds)}")

    def show_progress(progress: Progress) -> None:
        show("training", progress.share, describe_progress(progress))

    def say_export() -> None:
        show("export", 0.0, "")

    watch = material.Watch(begin, show_progress, say_export, stop_in_order)
    return material.make_bundle(source, out / material.MODEL, training, watch)


@contextmanager
def stop_in_order() -> Iterator[Callable[[], bool]]:
    """Collect signals while a run is trained, so that it ends with a checkpoint."""
    with collect_signals() as signals:
        try:
            yield lambda: bool(signals)
        except KeyboardInterrupt:
            raise StoppedBySignal(signals[0] if signals else signal.SIGINT, GO_ON) from None


def draw(
    sampler: Sampler,
    out: Path,
    spec: SiteSpec,
    keep: tuple[Sequence[str], Sequence[Place]],
    show: ShowStage,
) -> SiteRecord:
    """Draw the site, with the objects that are kept and their places."""
    from singan_cli.site.pictures import make_site

    spec = replace(spec, request=replace(spec.request, keep=sampler.read_keep(*keep)))
    say_zoom(sampler, [request for _, request in spec.list_requests(spec.request.seed)])
    return make_site(sampler, out, spec, show)


def say_result(out: Path, record: SiteRecord) -> None:
    """Print what is where, and which pictures are less quiet than they should be."""
    from singan_cli.site.pictures import list_restless
    from singan_runtime.measures.calm import LIMIT

    count = sum(len(picture.files) for picture in record.pictures)
    say(
        f"wrote {len(record.pictures)} screens, {count} files, seed {record.seed}, to {out}; "
        f"see {out / 'sheet.jpg'}, put the lines of {out / 'picture.html'} into a page"
    )
    if restless := list_restless(record.pictures, LIMIT):
        say(
            f"warning: where text is to stand, {', '.join(restless)} have more than {LIMIT:g} of "
            "their pictures' gradient energy; try another --seed or more --candidates",
            err=True,
        )


def open_in_browser(out: Path) -> None:
    """Open the page of the site, or say that no browser answers."""
    import webbrowser

    page = (out / "index.html").absolute()
    if not webbrowser.open(page.as_uri()):
        say(f"no browser could be opened; open {page}", err=True)
