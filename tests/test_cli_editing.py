"""The commands that edit a user's picture: what they write, and one line for every mistake."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import EDITING, call, one_line, size_of, usage
from PIL import Image


@pytest.fixture
def photo(tiny_bundle):
    """A picture of the trained size, 48x32 px."""
    return tiny_bundle / "preview.png"


@pytest.fixture
def mask(tmp_path):
    return masked(tmp_path / "mask.png", (32, 48), (10, 20), (12, 30))


def masked(path, size, rows, columns):
    pixels = np.zeros(size, np.uint8)
    pixels[slice(*rows), slice(*columns)] = 255
    Image.fromarray(pixels).save(path)
    return path


def words_of(command, bundle, photo, mask, out):
    """A request of a command that works."""
    between = {
        "retarget": ("--size", "90x40", "--keep", mask),
        "harmonize": (photo, "--mask", mask),
        "edit": (photo, "--mask", mask),
        "paint": (photo, "--size", "90x40", "--colours", "4"),
        "upscale": ("--factor", "1.7"),
    }
    return (command, bundle, *between[command], "--out", out)


SIZES = {
    "retarget": (90, 40),
    "harmonize": (48, 32),
    "edit": (48, 32),
    "paint": (90, 40),
    "upscale": (82, 54),
}


@pytest.mark.parametrize("command", EDITING)
def test_a_picture_of_the_exact_size_is_written_and_says_how(
    tiny_bundle, photo, mask, tmp_path, command
):
    out = tmp_path / "new" / "result.png"
    status, said, _ = call(*words_of(command, tiny_bundle, photo, mask, out), "--seed", "3")
    width, height = SIZES[command]
    assert (
        status == 0 and f"result.png, {width}x{height}" in said and size_of(out) == (width, height)
    )
    with Image.open(out) as image:
        request = json.loads(image.text["singan"])
    assert request["command"] == command and request["seed"] == 3 and len(request["identity"]) == 64
    if command in ("harmonize", "edit", "paint"):
        assert request["image"]["name"] == "preview.png" and len(request["image"]["sha256"]) == 64
    if command == "retarget":
        assert (
            f"similarity of the kept object: {request['survival']:.3f} (SSIM; 1 is identical)"
            in said
        )


@pytest.mark.parametrize("command", EDITING)
@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp"])
def test_other_formats_go_by_the_ending(tiny_bundle, photo, mask, tmp_path, command, name):
    assert call(*words_of(command, tiny_bundle, photo, mask, tmp_path / name))[0] == 0
    with Image.open(tmp_path / name) as image:
        assert (
            image.format == ("WEBP" if name.endswith("webp") else "JPEG")
            and image.size == SIZES[command]
        )


def test_edits_leave_the_file_alone_beyond_the_reach(tiny_bundle, photo, mask, tmp_path):
    call("edit", tiny_bundle, photo, "--mask", mask, "--reach", "3", "--out", tmp_path / "a.png")
    with Image.open(photo) as before, Image.open(tmp_path / "a.png") as after:
        changed = (np.asarray(before.convert("RGB")) != np.asarray(after)).any(axis=2)
    assert changed[10:20, 12:30].any()
    changed[7:23, 9:33] = False
    assert not changed.any()


@pytest.mark.parametrize("command", ["edit", "harmonize"])
def test_a_picture_s_own_alpha_may_be_the_mask(tiny_bundle, photo, mask, tmp_path, command):
    """It redraws what a file with the same mask redraws, in the colours that the file holds."""
    with Image.open(photo) as image, Image.open(mask) as inside:
        both = image.convert("RGB")
        both.putalpha(inside)
        both.save(tmp_path / "cut.png")
    assert call(command, tiny_bundle, photo, "--mask", mask, "--out", tmp_path / "a.png")[0] == 0
    assert (
        call(
            command,
            tiny_bundle,
            tmp_path / "cut.png",
            "--mask",
            "alpha",
            "--out",
            tmp_path / "b.png",
        )[0]
        == 0
    )
    with Image.open(tmp_path / "a.png") as first, Image.open(tmp_path / "b.png") as second:
        assert np.array_equal(np.asarray(first), np.asarray(second))
        assert json.loads(second.text["singan"])["mask"] == "alpha"
    said = one_line(command, tiny_bundle, photo, "--mask", "alpha", "--out", tmp_path / "c.png")
    assert "it has no transparent part that could be a mask" in said


@pytest.mark.parametrize("command", ["upscale", "edit", "harmonize"])
def test_pictures_that_repeat_are_named_and_say_so(tiny_bundle, photo, mask, tmp_path, command):
    words = words_of(command, tiny_bundle, photo, mask, tmp_path / "a.png")
    words += () if command == "upscale" else ("--reach", "3")
    assert call(*words, "--tileable", "xy")[0] == 0
    with Image.open(tmp_path / "a.png") as image:
        assert json.loads(image.text["singan"])["tileable"] == "xy"
    assert "choose x, y or xy" in one_line(*words, "--tileable", "both")


def test_a_mask_to_keep_may_be_drawn_over_the_photo_or_over_the_preview(tiny_bundle, tmp_path):
    words = ("retarget", tiny_bundle, "--size", "90x40", "--out", tmp_path / "a.png", "--keep")
    assert call(*words, masked(tmp_path / "photo.png", (40, 60), (12, 25), (15, 38)))[0] == 0
    assert call(*words, masked(tmp_path / "preview.png", (32, 48), (10, 20), (12, 30)))[0] == 0
    said = one_line(*words, masked(tmp_path / "other.png", (33, 48), (10, 20), (12, 30)))
    assert (
        "the mask is 48x33, but must be 60x40 (the photo) or 48x32 "
        "(preview.png, the photo as trained)" in said
    )


@pytest.mark.parametrize("command", ["retarget", "harmonize", "edit"])
def test_masks_of_another_size_empty_full_or_missing(tiny_bundle, photo, tmp_path, command):
    def mistake(mask):
        return one_line(*words_of(command, tiny_bundle, photo, mask, tmp_path / "new" / "a.png"))

    path = tmp_path / "mask.png"
    assert "the mask is 50x32, but must be" in mistake(masked(path, (32, 50), (3, 9), (3, 9)))
    assert "the mask is empty" in mistake(masked(path, (32, 48), (0, 0), (0, 0)))
    assert "the mask is white all over" in mistake(masked(path, (32, 48), (0, 32), (0, 48)))
    assert "no.png: no such file" in mistake(tmp_path / "no.png")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", EDITING)
def test_images_unlike_the_training_photos_channels(tiny_bundle, mask, tmp_path, command):
    clear = np.full((32, 48, 4), 100, np.uint8)
    clear[..., :2] = 7
    Image.fromarray(clear).save(tmp_path / "clear.png")
    words = words_of(command, tiny_bundle, tmp_path / "clear.png", mask, tmp_path / "a.png")
    words += () if tmp_path / "clear.png" in words else ("--image", tmp_path / "clear.png")
    said = one_line(*words)
    assert "is RGBA (with transparency), but the bundle was trained on a photo in RGB" in said


@pytest.mark.parametrize("command", ["retarget", "harmonize", "edit", "paint"])
def test_start_scales_out_of_range(tiny_bundle, photo, mask, tmp_path, command):
    for scale in ("0", "4"):
        said = one_line(
            *words_of(command, tiny_bundle, photo, mask, tmp_path / "a.png"), "--start-scale", scale
        )
        assert (
            f"start scale {scale} is not possible: an image can be injected at scales 1 to 3 here"
            in said
        )


@pytest.mark.parametrize("command", EDITING)
def test_places_that_cannot_be_written(
    tiny_bundle, photo, mask, tmp_path, command, known_temporaries
):
    def mistake(out):
        return one_line(*words_of(command, tiny_bundle, photo, mask, out))

    (tmp_path / "file").write_text("precious")
    assert "a file stands where a folder is needed" in mistake(tmp_path / "file" / "a.png")
    assert "a folder stands there" in mistake(shutil.copytree(tiny_bundle, tmp_path / "folder.png"))
    assert "end the name in one of .png, .jpg, .webp, .avif, .jpeg" in mistake(tmp_path / "a.bmp")
    locked = Path("/sys/singan")  # root may write anywhere but into the kernel's own tree
    if os.geteuid() != 0:
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
    assert "not writable" in mistake(locked / "a.png")
    (tmp_path / ".b.png.singan-0.tmp").symlink_to("/dev/full")
    assert "b.png: the disk is full" in mistake(tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


def test_other_mistakes(tiny_bundle, photo, mask, tmp_path):
    out = ("--out", tmp_path / "a.png")
    assert "it must be 1 to 1048576" in one_line("upscale", tiny_bundle, *out, "--factor", "0.5")
    assert "over the limit of 33177600" in one_line("upscale", tiny_bundle, *out, "--factor", "300")
    assert "over the limit of 1000" in one_line(
        "retarget", tiny_bundle, *out, "--size", "90x40", "--max-pixels", "1000"
    )
    assert "the largest zoom for this size" in one_line(
        "paint", tiny_bundle, photo, *out, "--zoom", "50"
    )
    said = usage("paint", tiny_bundle, photo, *out, "--colours", "9999")
    assert "--colours" in said and "256" in said  # in words that differ between versions of Typer
    assert "seed -1 is not possible" in one_line(
        "edit", tiny_bundle, photo, "--mask", mask, *out, "--seed", "-1"
    )
    assert "Invalid value for '--reach'" in usage(
        "edit", tiny_bundle, photo, "--mask", mask, *out, "--reach", "-1"
    )
    assert "is not a size" in usage("retarget", tiny_bundle, *out, "--size", "wide")
    across = masked(tmp_path / "across.png", (32, 48), (10, 20), (0, 48))
    said = one_line("retarget", tiny_bundle, *out, "--size", "200x32", "--keep", across)
    assert "from edge to edge of the photo" in said
    assert not (tmp_path / "a.png").exists()


# animate --move


def frames_of(path):
    with Image.open(path) as image:
        frames = []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
    return np.stack(frames)


@pytest.mark.parametrize("name", ["a.gif", "a.png"])
def test_only_what_is_white_in_a_mask_moves_in_the_file(tiny_bundle, tmp_path, name):
    words = ("animate", tiny_bundle, "--frames", "4", "--loop", "--out", tmp_path / name)
    mask = masked(tmp_path / "mask.png", (32, 48), (0, 16), (0, 48))
    assert call(*words)[0] == 0
    free = frames_of(tmp_path / name)
    assert call(*words, "--move", mask)[0] == 0
    held = frames_of(tmp_path / name)
    assert (free[:, 16:] != free[0, 16:]).any() and (held[:, 16:] == held[0, 16:]).all()
    assert (held[:, :15] != held[0, :15]).any()
    if name == "a.png":  # lossless
        assert np.array_equal(held[:, :15], free[:, :15]) and np.array_equal(held[0], free[0])


def test_a_clip_s_first_frame_is_a_still_picture_to_paint_the_mask_over(tiny_bundle, tmp_path):
    words = ("animate", tiny_bundle, "--start-scale", "1", "--out")
    assert call(*words, tmp_path / "first.png", "--frames", "1")[0] == 0
    assert call(*words, tmp_path / "clip.png", "--frames", "3")[0] == 0
    with Image.open(tmp_path / "first.png") as first, Image.open(tmp_path / "clip.png") as clip:
        assert getattr(first, "n_frames", 1) == 1
        assert np.array_equal(np.asarray(first), np.asarray(clip))


def test_a_white_mask_gives_the_same_file(tiny_bundle, tmp_path):
    mask = masked(tmp_path / "mask.png", (32, 48), (0, 32), (0, 48))
    for name, words in (("free.png", ()), ("white.png", ("--move", mask))):
        out = ("--out", tmp_path / name, "--no-metadata")
        assert call("animate", tiny_bundle, "--frames", "3", *out, *words)[0] == 0
    assert (tmp_path / "free.png").read_bytes() == (tmp_path / "white.png").read_bytes()


def test_a_grid_has_one_mask(tiny_bundle, tmp_path):
    mask = masked(tmp_path / "mask.png", (32, 48), (0, 16), (0, 48))
    words = (
        "animate",
        tiny_bundle,
        "--frames",
        "3",
        "--grid",
        "--move",
        mask,
        "--out",
        tmp_path / "grid",
    )
    assert call(*words)[0] == 0
    found = [frames_of(path) for path in (tmp_path / "grid").iterdir()]
    assert len(found) == 12 and all((frames[:, 16:] == frames[0, 16:]).all() for frames in found)


def test_mistaken_masks_of_what_may_move(tiny_bundle, tmp_path):
    def mistake(mask, *words):
        return one_line(
            "animate", tiny_bundle, "--out", tmp_path / "new" / "a.gif", "--move", mask, *words
        )

    path = tmp_path / "mask.png"
    said = mistake(masked(path, (32, 50), (3, 9), (3, 9)))
    assert (
        "the mask is 50x32, but must be 48x32 (the clip's first frame); draw it over that picture"
        in said
    )
    assert "must be 90x40" in mistake(path, "--size", "90x40")
    assert "must be 48x32" in mistake(path, "--grid")
    assert "the mask is empty" in mistake(masked(path, (32, 48), (0, 0), (0, 0)))
    assert "nothing may move" in mistake(masked(path, (32, 48), (5, 7), (0, 48)))
    assert "no.png: no such file" in mistake(tmp_path / "no.png")
    path.write_text("no picture")
    assert "not a picture that can be read" in mistake(path)
    assert not (tmp_path / "new").exists()
