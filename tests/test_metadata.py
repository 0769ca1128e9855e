"""Metadata: every format says how its picture was made, the same bytes every time."""

import dataclasses
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from singan_core import encoding, metadata
from singan_core.errors import ImageError, InstallError, RequestError
from singan_core.metadata import SOURCE_TYPE, Metadata
from singan_runtime import Sampler
from singan_runtime.files import video
from singan_runtime.files.provenance import describe_picture, read_origin, read_request
from singan_runtime.files.writing import Style, write_deepzoom, write_picture, write_pictures
from singan_runtime.request import Request

SAID = Metadata(
    '{"seed": 7, "keep": "<&\\"\'>"}',
    "singan 1",
    "Ann <i>O'Hara</i> & Sons\ud800",
    'CC BY 4.0 "(https://creativecommons.org/licenses/by/4.0/)"',
    SOURCE_TYPE,
)
READ = dataclasses.replace(SAID, creator=SAID.creator.replace("\ud800", "\ufffd"))
NOISE = np.random.default_rng(0).integers(0, 256, (3, 40, 60, 3)).astype(np.uint8)
FILMS = ["gif", "webp", "png", "mp4", "webm"]
STILL = ["png", "jpeg", "webp", "avif"]


def needs(format):
    if format in ("mp4", "webm"):
        pytest.importorskip("imageio_ffmpeg")
    if format == "tiff":
        pytest.importorskip("tifffile")


@pytest.mark.parametrize("format", STILL)
def test_a_still_picture_says_how_it_was_made(tmp_path, format):
    path = tmp_path / f"a.{format}"
    encoding.save(path, NOISE[0], format, metadata=SAID)
    assert metadata.read(path) == READ
    with Image.open(path) as image:
        xmp = image.info["xmp"]
        again = np.asarray(image.convert("RGB"))
    packet = xmp.encode() if isinstance(xmp, str) else xmp
    assert metadata.parse(
        packet[packet.index(b"<x:") : packet.rindex(b">") + 1].partition(b"<?")[0]
    )
    assert SOURCE_TYPE.encode() in packet

    encoding.save(path, NOISE[0], format)
    assert metadata.read(path) == Metadata()
    with Image.open(path) as image:
        assert np.array_equal(again, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("format", FILMS)
@pytest.mark.parametrize("frames", [NOISE, NOISE[[0, 0, 0]], NOISE[:1]], ids=["all", "same", "one"])
def test_a_film_says_how_it_was_made(tmp_path, format, frames):
    needs(format)
    path, plain = tmp_path / f"a.{format}", tmp_path / f"plain.{format}"
    film = dataclasses.replace(READ, creator="Ann & <Bob>")
    video.save(path, iter(frames), metadata=film)
    video.save(plain, iter(frames))
    assert metadata.read(path) == film
    assert metadata.read(plain) == Metadata() and b"seed" not in plain.read_bytes()
    assert count_frames(path) == count_frames(plain) == len(frames)

    first = path.read_bytes()
    video.save(path, iter(frames), metadata=film)
    assert path.read_bytes() == first


def count_frames(path):
    if path.suffix in (".mp4", ".webm"):
        import imageio_ffmpeg

        return imageio_ffmpeg.count_frames_and_secs(str(path))[0]
    with Image.open(path) as image:
        image.seek(image.n_frames - 1)
        return image.n_frames


@pytest.mark.parametrize("format", [*STILL, "tiff"])
def test_the_file_of_a_request_brings_it_back_in_every_format(sampler, tmp_path, format):
    needs(format)
    request = Request((40, 60), 7, 1.5, 1)
    write_pictures(sampler, tmp_path, request, [7], Style(format))
    (path,) = tmp_path.iterdir()
    assert read_request(path) == request
    origin = read_origin(path)
    assert origin.model == "hills" and origin.command == "sample"
    origin.check_model(sampler)
    first = path.read_bytes()

    write_picture(sampler, path, request, Style(format))
    assert path.read_bytes() == first
    write_picture(sampler, path, request, Style(format, has_metadata=False))
    assert b"singan" not in path.read_bytes() and b"hills" not in path.read_bytes()
    with pytest.raises(ImageError, match=r"holds no request: .* or its metadata was removed"):
        read_request(path)


def test_a_deepzoom_folder_has_a_sidecar(sampler, tmp_path):
    request = Request((40, 60), 7)
    write_deepzoom(sampler, tmp_path / "a", request)
    assert read_request(tmp_path / "a" / "picture.xmp") == request
    write_deepzoom(sampler, tmp_path / "b", request, Style(has_metadata=False))
    assert not (tmp_path / "b" / "picture.xmp").exists()
    assert "hills" not in (tmp_path / "b" / "index.html").read_text()


def test_a_png_whose_xmp_is_gone_is_read_by_its_text(sampler, tmp_path):
    write_pictures(sampler, tmp_path, Request((40, 60)), [3])
    (path,) = tmp_path.iterdir()
    with Image.open(path) as image:
        text = image.text["singan"]
        info = encoding.make_png_text(Metadata())
        info.chunks.clear()
        info.add_text("singan", text)
        image.save(tmp_path / "b.png", pnginfo=info)
    assert metadata.read(tmp_path / "b.png") == Metadata()
    assert read_request(tmp_path / "b.png") == Request((40, 60), 3)


def test_a_picture_of_another_model_is_told_apart(sampler, detail_sampler, tmp_path):
    write_pictures(sampler, tmp_path, Request((40, 60)), [3])
    (path,) = tmp_path.iterdir()
    with pytest.raises(RequestError, match=r"drawn from the model hills \(\w{8}\), but the bundle"):
        read_origin(path).check_model(detail_sampler)


def test_an_unusual_precision_is_said_and_the_usual_is_not(detail_bundle, tmp_path):
    usual = Sampler.load(detail_bundle, threads=1)
    assert "precision" not in json.loads(describe_picture(usual, {}).record)
    single = Sampler.load(detail_bundle, threads=1, precision="fp32")
    assert json.loads(describe_picture(single, {}).record)["precision"] == "fp32"


@pytest.mark.parametrize(
    "record", ["{", "[]", "[" * 99_999, '{"a": ' + "[" * 9999 + "]" * 9999 + "}"]
)
def test_a_record_that_is_no_plain_object_is_refused(tmp_path, record):
    encoding.save(tmp_path / "a.webp", NOISE[0], "webp", metadata=Metadata(record))
    with pytest.raises(ImageError, match="is not a JSON object"):
        read_origin(tmp_path / "a.webp")


def test_a_request_that_a_jpeg_cannot_hold_is_refused():
    with pytest.raises(RequestError, match="too long for the metadata of a JPEG: choose another"):
        encoding.encode(NOISE[0], "jpeg", metadata=Metadata("x" * 65_000))
    assert encoding.encode(NOISE[0], "webp", metadata=Metadata("x" * 65_000))


# the photo's creator and licence


def test_creator_and_licence_come_from_the_manifest_and_decide_no_pixel(tiny_bundle, tmp_path):
    copy = shutil.copytree(tiny_bundle, tmp_path / "hills")
    path = copy / "manifest.json"
    data = json.loads(path.read_text())
    assert "creator" not in data
    path.write_text(json.dumps(data | {"creator": "Ann & Bob", "licence": "CC0"}))
    credited, plain = Sampler.load(copy, threads=1), Sampler.load(tiny_bundle, threads=1)
    assert credited.identity == plain.identity

    write_pictures(credited, tmp_path / "out", Request(), [0], Style("avif"))
    (picture,) = (tmp_path / "out").iterdir()
    origin = read_origin(picture)
    assert (origin.creator, origin.licence) == ("Ann & Bob", "CC0")


@pytest.mark.parametrize("creator", ["a\nb", "x" * 501, 3])
def test_a_creator_that_cannot_stand_in_a_file_is_refused(tiny_bundle, tmp_path, creator):
    from singan_core.errors import BundleError

    copy = shutil.copytree(tiny_bundle, tmp_path / "hills")
    data = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(data | {"creator": creator}))
    with pytest.raises(BundleError, match="creator has the wrong form"):
        Sampler.load(copy, threads=1)


def test_the_address_in_a_licence_becomes_a_link():
    assert b"<xmpRights:WebStatement>https://a.org/by?x&amp;y</xmpRights:WebStatement>" in (
        Metadata(licence="BY (https://a.org/by?x&y)").to_xmp()
    )
    assert b"<xmpRights" not in Metadata(licence="CC BY").to_xmp()


# XMP of other programs


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ('xmp:CreatorTool="Cam" dc:rights="mine"', Metadata(program="Cam", licence="mine")),
        ('singan:Record="{}"', Metadata("{}")),
    ],
)
def test_properties_may_be_attributes(tmp_path, fields, expected):
    packet = SAID.to_xmp().decode()
    start, stop = packet.index('rdf:about=""'), packet.index("</rdf:Description>")
    (tmp_path / "a.bin").write_text(f"..{packet[:start]}{fields}>{packet[stop:]}..")
    assert metadata.read(tmp_path / "a.bin") == expected


@pytest.mark.parametrize(
    "packet",
    [
        b"<x:xmpmeta",
        b"<x:xmpmeta></x:xmpmeta>",
        b"<x:xmpmeta>&lol;</x:xmpmeta>",
        b'<x:xmpmeta xmlns:x="a"><!DOCTYPE a [<!ENTITY b "c">]></x:xmpmeta>',
        b"<x:xmpmeta>" + b"<a>" * 300_000 + b"</x:xmpmeta>",
        b"<x:xmpmeta>" * 100_000,
        b"<x:xmpmeta>" + bytes(2**20) + b"</x:xmpmeta>",
    ],
)
def test_damaged_xmp_says_nothing(tmp_path, packet):
    (tmp_path / "a.jpg").write_bytes(packet)
    assert metadata.read(tmp_path / "a.jpg") == Metadata()
    (tmp_path / "a.jpg").write_bytes(packet + SAID.to_xmp() + packet)
    assert metadata.read(tmp_path / "a.jpg") in (READ, Metadata())


def test_what_is_no_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "empty").touch()
    said = {"empty": "the file is empty", "nowhere": "no such file", ".": "a folder; name one"}
    for name, words in said.items():
        with pytest.raises(ImageError, match=words):
            metadata.read(tmp_path / name)


# quality


@pytest.mark.parametrize("format", encoding.QUALITY)
def test_quality_trades_size_for_closeness(format):
    smooth = np.asarray(Image.fromarray(NOISE[0]).resize((240, 160), Image.Resampling.BICUBIC))
    sizes = [len(encoding.encode(smooth, format, quality=quality)) for quality in (20, 60, 95)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[2] / 2
    usual = encoding.encode(smooth, format)
    assert usual == encoding.encode(smooth, format, quality=encoding.QUALITY[format])


def test_a_quality_that_is_not_possible_is_refused():
    with pytest.raises(RequestError, match="quality 0 is not possible: it must be 1 to 100"):
        encoding.encode(NOISE[0], "webp", quality=0)
    with pytest.raises(RequestError, match="png takes no quality: leave out --quality, or choose "):
        encoding.encode(NOISE[0], "png", quality=50)
    with pytest.raises(RequestError, match=r"gif takes no quality: .* or choose webp"):
        video.check(Path("a.gif"), (9, 9), 1, 10, quality=50)


def test_a_pillow_without_avif_is_said_so(monkeypatch):
    monkeypatch.setattr(encoding.features, "check", lambda name: False)
    with pytest.raises(InstallError, match=r"this Pillow was built without AVIF; .* choose webp"):
        encoding.encode(NOISE[0], "avif")


def test_an_avif_keeps_transparency_and_has_a_longest_side():
    clear = np.dstack([NOISE[0], np.full((40, 60), 77, np.uint8)])
    with Image.open(io.BytesIO(encoding.encode(clear, "avif"))) as image:
        assert image.mode == "RGBA" and np.abs(np.asarray(image)[..., 3].astype(int) - 77).max() < 3
    with pytest.raises(RequestError, match="20000x3 is too large for avif"):
        encoding.check_format("avif", (3, 20000))
