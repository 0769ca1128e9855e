"""What docs/rights.md says of a photo's metadata: none of it goes anywhere but its credits."""

import pytest
from command_line import call
from PIL import ExifTags, Image

pytest.importorskip("torch")
pytest.importorskip("onnx")

from file_contents import files_of
from small_runs import DETAILED, train

SECRET = b"a secret place"


@pytest.fixture
def photo(drawn_scene, tmp_path):
    """A photo with text in EXIF, a position, a comment and XMP."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist], exif[ExifTags.Base.ImageDescription] = "Ann Lee", SECRET
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSMapDatum], place[ExifTags.GPS.GPSLatitude] = SECRET, (46.0, 30.0, 12.0)
    path = tmp_path / "photo.jpg"
    with Image.open(drawn_scene) as image:
        image.save(path, exif=exif, comment=SECRET, xmp=b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>")
    assert path.read_bytes().count(SECRET) == 4
    return path


def test_nothing_but_credits_leaves_a_photos_metadata(photo, tmp_path):
    run = train(photo, tmp_path / "run", DETAILED)
    for out in ("bundle", "model.singan"):
        assert call("export", run, "--out", tmp_path / out)[0] == 0
    for ending in ("png", "jpg", "webp", "avif"):
        words = ("--out", tmp_path / "pictures" / f"a.{ending}", "--size", "60x44")
        assert call("sample", tmp_path / "bundle", *words)[0] == 0
    photo.unlink()

    files = files_of(tmp_path)
    assert len([name for name in files if name.startswith("pictures")]) == 4
    for name, content in files.items():
        assert SECRET not in content and b"GPS" not in content, name
    assert b"Ann Lee" not in files["bundle/photo.webp"]
