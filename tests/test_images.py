import io

import numpy as np
import pytest
from awkward_pictures import pixels
from PIL import Image, ImageCms

from singan_core import encoding, images, masks
from singan_core.errors import ImageError, OutputError, RequestError
from singan_core.metadata import Metadata

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (20, 30, 3), np.uint8)
RGBA = RNG.integers(0, 256, (20, 30, 4), np.uint8)
GREY = RNG.integers(0, 256, (20, 30), np.uint8)


@pytest.mark.parametrize("ending", ["png", "tiff", "bmp", "webp"])
def test_lossless_formats_are_read_exactly(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    Image.fromarray(RGB).save(path, lossless=True)
    assert np.array_equal(pixels(path), RGB)


def test_float_images_are_nchw_in_minus_one_to_one(tmp_path):
    Image.fromarray(np.stack([np.full((12, 14), v, np.uint8) for v in (0, 51, 255)], axis=2)).save(
        tmp_path / "a.png"
    )
    image = images.read(tmp_path / "a.png")
    assert image.shape == (1, 3, 12, 14) and image.dtype == np.float32
    assert np.allclose(image[0, :, 0, 0], [-1, -0.6, 1])


def test_every_grey_level_survives_the_way_to_float_and_back():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    image = levels.astype(np.float32) / 255 * 2 - 1
    assert np.array_equal(images.to_pixels(image)[0, ..., 0], levels[0, 0])


def test_pixels_survive_the_way_to_float_and_back():
    for channels in (1, 3):
        assert np.array_equal(
            images.to_pixels(images.to_floats(RGB[..., :channels]))[0], RGB[..., :channels]
        )
    alpha, value = np.mgrid[:256, :256].astype(np.uint8)
    every = np.stack([value, 255 - value, value // 2, alpha], axis=2)
    image = images.to_floats(every)
    assert (
        image.shape == (1, 4, 256, 256)
        and image.dtype == np.float32
        and (image[:, :3] <= image[:, 3:] + 1e-6).all()
    )
    seen = every[..., 3] > 0
    assert np.array_equal(images.to_pixels(image)[0][seen], every[seen])


def test_values_outside_the_range_are_clipped_not_wrapped():
    image = np.array([-5, 5], np.float32).reshape(1, 1, 1, 2)
    assert images.to_pixels(image).ravel().tolist() == [0, 255]


def test_jpeg_and_smooth_pictures_come_close(tmp_path):
    smooth = np.asarray(Image.fromarray(RGB[:4, :6]).resize((90, 60), Image.Resampling.BICUBIC))
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95, subsampling=0)
    assert np.abs(pixels(tmp_path / "a.jpg").astype(int) - smooth).mean() < 2


def test_palette_pictures_give_their_colours(tmp_path):
    image = Image.fromarray(RGB).quantize(16)
    image.save(tmp_path / "a.png")
    assert np.array_equal(pixels(tmp_path / "a.png"), np.asarray(image.convert("RGB")))


def test_a_transparent_palette_entry_gives_alpha(tmp_path):
    indices = RNG.integers(0, 3, (20, 30), np.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(tmp_path / "a.png", transparency=1)
    read = pixels(tmp_path / "a.png")
    assert np.array_equal(read[..., 3], np.where(indices == 1, 0, 255))


def test_black_and_white_pictures_are_grey(tmp_path):
    bits = RNG.integers(0, 2, (20, 30), np.uint8) * 255
    Image.fromarray(bits).convert("1").save(tmp_path / "a.png")
    assert np.array_equal(pixels(tmp_path / "a.png")[..., 0], bits)


def test_sixteen_bit_grey_keeps_its_precision(tmp_path):
    values = RNG.integers(0, 65536, (20, 30)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    Image.fromarray(values).save(tmp_path / "a.tiff")
    for name in ("a.png", "a.tiff"):
        assert np.abs((images.read(tmp_path / name)[0, 0] + 1) / 2 * 65535 - values).max() < 0.02


def test_floating_point_pictures_are_refused_by_name(tmp_path):
    Image.fromarray(RNG.uniform(0, 1, (20, 30)).astype(np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(ImageError, match=r"a\.tiff: its values have no defined white"):
        images.read(tmp_path / "a.tiff")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotated_photos_stand_upright(tmp_path, orientation):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = Image.fromarray(RGB)
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(pixels(tmp_path / "a.png"), RGB)


def test_cmyk_photos_become_rgb(tmp_path):
    flat = np.zeros((20, 30, 3), np.uint8) + np.array([200, 60, 30], np.uint8)
    Image.fromarray(flat).convert("CMYK").save(tmp_path / "a.tiff")
    Image.fromarray(flat).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert np.abs(pixels(tmp_path / "a.tiff").astype(int) - flat).max() <= 1
    assert np.abs(pixels(tmp_path / "a.jpg").astype(int) - flat).max() <= 6


def test_an_embedded_profile_is_converted_to_srgb(tmp_path):
    """A profile that calls red blue must change the colours, and sRGB must not."""
    flat = np.zeros((20, 30, 3), np.uint8) + np.array([200, 60, 30], np.uint8)
    srgb = ImageCms.createProfile("sRGB")
    swapped = _profile_with_swapped_primaries(ImageCms.ImageCmsProfile(srgb).tobytes())
    Image.fromarray(flat).save(
        tmp_path / "plain.png", icc_profile=ImageCms.ImageCmsProfile(srgb).tobytes()
    )
    Image.fromarray(flat).save(tmp_path / "swapped.png", icc_profile=swapped)
    assert np.abs(pixels(tmp_path / "plain.png").astype(int) - flat).max() <= 1
    assert np.abs(pixels(tmp_path / "swapped.png").astype(int) - flat[..., ::-1]).max() <= 1


def _profile_with_swapped_primaries(profile):
    """Swap the red and blue primaries of an sRGB profile, so that RGB reads as BGR."""
    table = bytearray(profile)
    entries = {
        bytes(table[at : at + 4]): at
        for at in range(132, 132 + 12 * int.from_bytes(table[128:132], "big"), 12)
    }
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    table[red + 4 : red + 12], table[blue + 4 : blue + 12] = (
        table[blue + 4 : blue + 12],
        table[red + 4 : red + 12],
    )
    return bytes(table)


def test_a_broken_profile_is_ignored(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png", icc_profile=b"no profile")
    assert np.array_equal(pixels(tmp_path / "a.png"), RGB)


def test_auto_drops_an_opaque_alpha_channel_and_equal_colours(tmp_path):
    opaque = np.concatenate([RGB, np.full((20, 30, 1), 255, np.uint8)], axis=2)
    Image.fromarray(opaque).save(tmp_path / "opaque.png")
    Image.fromarray(np.repeat(GREY[..., None], 3, axis=2)).save(tmp_path / "grey.png")
    Image.fromarray(RGBA).save(tmp_path / "rgba.png")
    assert pixels(tmp_path / "opaque.png").shape[2] == 3
    assert pixels(tmp_path / "grey.png").shape[2] == 1
    assert pixels(tmp_path / "rgba.png").shape[2] == 4


def test_channels_can_be_asked_for(tmp_path):
    Image.fromarray(RGBA).save(tmp_path / "a.png")
    assert pixels(tmp_path / "a.png", "1").shape == (20, 30, 1)
    assert pixels(tmp_path / "a.png", "4").shape == (20, 30, 4)
    on_white = Image.alpha_composite(
        Image.new("RGBA", (30, 20), "white"), Image.fromarray(RGBA)
    ).convert("RGB")
    assert np.abs(pixels(tmp_path / "a.png", "3").astype(int) - np.asarray(on_white)).max() <= 1


def test_rgba_is_premultiplied_in_float_and_straight_in_files(tmp_path):
    Image.fromarray(RGBA).save(tmp_path / "a.png")
    unit = (images.read(tmp_path / "a.png")[0] + 1) / 2
    assert np.allclose(
        unit[:3], RGBA.transpose(2, 0, 1)[:3] / 255 * (RGBA[..., 3] / 255), atol=1e-6
    )
    back = pixels(tmp_path / "a.png")
    seen = RGBA[..., 3] > 0
    assert np.array_equal(back[..., 3], RGBA[..., 3])
    assert np.abs(back[seen].astype(int) - RGBA[seen]).max() <= 1


def damaged(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def encoded(format, **options):
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, format, **options)
    return file.getvalue()


def test_files_that_cannot_be_used_are_refused_by_name(tmp_path):
    for name, content, reason in (
        ("empty.png", b"", "the file is empty"),
        ("text.png", b"this is no picture at all", "not a picture"),
        ("cut.png", encoded("PNG")[:900], "damaged or truncated"),
        ("cut.jpg", encoded("JPEG")[:400], "damaged or truncated"),
    ):
        with pytest.raises(ImageError, match=rf"{name}: {reason}"):
            images.read(damaged(tmp_path, name, content))
    with pytest.raises(ImageError, match=r"nowhere\.png: no such file"):
        images.read(tmp_path / "nowhere.png")


@pytest.mark.parametrize("format", ["gif", "webp", "png", "avif"])
def test_animations_are_refused(tmp_path, format):
    frames = [Image.fromarray(np.roll(RGB, k, axis=1)) for k in range(3)]
    path = tmp_path / f"a.{format}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match="an animation of 3 frames"):
        images.read(path)


def test_a_camera_s_jpeg_with_previews_behind_it_is_a_photo(tmp_path):
    first, preview = Image.fromarray(RGB), Image.fromarray(RGB).resize((15, 12))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[preview])
    assert pixels(tmp_path / "a.jpg").shape == RGB.shape


def test_decompression_bombs_are_refused_before_they_are_decoded(tmp_path):
    side = 20_000  # 400 megapixels in a file of a few hundred bytes
    Image.new("1", (side, side)).save(tmp_path / "bomb.png")
    with pytest.raises(ImageError, match=r"bomb\.png: more than 89 megapixels"):
        images.read(tmp_path / "bomb.png")


def test_too_small_photos_are_refused(tmp_path):
    Image.fromarray(RGB[:10]).save(tmp_path / "small.png")
    with pytest.raises(
        ImageError, match=r"small\.png: 30x10 is too small; both sides need at least 11 px"
    ):
        images.read(tmp_path / "small.png")


@pytest.mark.parametrize("format", encoding.FORMATS)
@pytest.mark.parametrize("picture", [GREY[..., None], RGB, RGBA], ids=["grey", "rgb", "rgba"])
def test_every_format_saves_every_kind(tmp_path, format, picture):
    path = tmp_path / f"a{encoding.FORMATS[format]}"
    encoding.save(path, picture, format)
    with Image.open(path) as image:
        assert image.format == format.upper()
        assert image.size == (30, 20)
        if format == "png":
            assert np.array_equal(np.asarray(image).reshape(picture.shape), picture)


def test_formats_without_alpha_compose_on_the_background(tmp_path):
    clear = np.zeros((20, 30, 4), np.uint8)
    encoding.save(tmp_path / "a.jpg", clear, "jpeg", (10, 200, 30))
    with Image.open(tmp_path / "a.jpg") as image:
        assert np.abs(np.asarray(image).astype(int) - [10, 200, 30]).max() <= 3


def test_png_text_is_kept(tmp_path):
    encoding.save(tmp_path / "a.png", RGB, metadata=Metadata(record='{"größe": 1}'))
    with Image.open(tmp_path / "a.png") as image:
        assert image.text["singan"] == '{"größe": 1}'
        assert image.text["Software"] == "singan"


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(RequestError, match="unknown format 'gif': choose png, jpeg, webp or avif"):
        encoding.save(tmp_path / "a.gif", RGB, "gif")


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        encoding.save(tmp_path / "folder" / "a.png", RGB)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


# masks


def mask_of(tmp_path, picture, size=None):
    picture.save(tmp_path / "mask.png")
    return masks.read(tmp_path / "mask.png", {size or (picture.height, picture.width): "the photo"})


def test_a_mask_is_the_object_from_128_on(tmp_path):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    mask = mask_of(tmp_path, Image.fromarray(levels))
    assert mask.shape == (16, 16) and mask.dtype == bool
    assert np.array_equal(mask, levels >= 128)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_masks_of_any_kind_say_the_same(tmp_path, mode):
    truth = GREY > 100
    picture = (
        Image.fromarray(truth.astype(np.uint16) * 65535)
        if mode == "I;16"
        else Image.fromarray(truth)
    )
    assert np.array_equal(mask_of(tmp_path, picture.convert(mode)), truth)


def test_what_is_transparent_in_a_mask_is_not_the_object(tmp_path):
    alpha = np.where(GREY > 100, np.uint8(255), np.uint8(0))
    white = np.dstack([np.full((20, 30, 3), 255, np.uint8), alpha])
    assert np.array_equal(mask_of(tmp_path, Image.fromarray(white)), GREY > 100)


def test_labels_follow_rgb_whatever_the_photo(tmp_path):
    Image.fromarray(GREY > 100).save(tmp_path / "mask.png")
    for name, photo in (("grey", GREY), ("rgb", RGB)):
        Image.fromarray(photo).save(tmp_path / f"{name}.png")
        image = images.open_labelled_photo(
            tmp_path / f"{name}.png", [tmp_path / "mask.png"] * 2
        ).to_floats()
        assert image.shape == (1, 5, 20, 30)
        assert np.array_equal(
            images.to_pixels(image[:, :3]),
            images.to_pixels(images.read(tmp_path / f"{name}.png", "3")),
        )
        drawn = images.to_masks(image[:, 3:])
        assert drawn.shape == (1, 20, 30, 2) and np.array_equal(
            drawn[0, ..., 1], (GREY > 100) * np.uint8(255)
        )
    Image.fromarray(RGBA).save(tmp_path / "glass.png")
    on_white = images.open_labelled_photo(
        tmp_path / "glass.png", [tmp_path / "mask.png"], "3"
    ).to_floats()
    assert np.array_equal(on_white[:, :3], images.read(tmp_path / "glass.png", "3"))
    assert np.array_equal(
        images.open_labelled_photo(tmp_path / "glass.png", []).to_floats(),
        images.read(tmp_path / "glass.png"),
    )
