"""One-file models: what a bundle's folder is, and what a stranger's file cannot do."""

import shutil
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from command_line import call, one_line
from file_contents import files_of

from singan_cli.site.material import find_kind
from singan_core import manifest
from singan_core.bundle_paths import find_named, list_bundles
from singan_core.errors import BundleError, SinGANError
from singan_core.file_limits import MOST_FILES
from singan_core.model_file import write_model_file
from singan_runtime import Sampler

DATA = Path(__file__).parent / "data"


def list_members(bundle):
    """The members of a one-file model of a bundle, as export orders them."""
    names = [manifest.NAME, *sorted(manifest.read(bundle, "bundle").files)]
    return [(name, (bundle / name).read_bytes()) for name in names]


@pytest.fixture
def members(tiny_bundle):
    return list_members(tiny_bundle)


@pytest.fixture
def file(members, tmp_path):
    path = tmp_path / "model.singan"
    write_model_file(path, members)
    return path


def refuse(path, match):
    with pytest.raises(BundleError, match=match) as caught:
        Sampler.load(path, threads=1).sample((20, 24))
    assert "\n" not in str(caught.value)


# what it is


@pytest.mark.parametrize("name", ["tiny_bundle", "detail_bundle", "labelled_bundle"])
def test_a_file_draws_what_its_folder_draws(name, tmp_path):
    write_model_file(tmp_path / "a.singan", list_members(DATA / name))
    before = files_of(tmp_path)
    ours, theirs = Sampler.load(tmp_path / "a.singan", threads=1), Sampler.load(DATA / name)
    assert ours.identity == theirs.identity
    assert np.array_equal(ours.sample((40, 50), 3, 2), theirs.sample((40, 50), 3, 2))
    assert np.array_equal(
        ours.without_detail().sample((40, 50)), theirs.without_detail().sample((40, 50))
    )
    assert files_of(tmp_path) == before, "nothing is unpacked"


def test_a_folder_or_file_of_a_name_is_found_the_folder_first(file, tiny_bundle, tmp_path):
    assert find_named(tmp_path, "model") == file == find_named(tmp_path, "model.singan")
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "model"))
    shutil.copy(file, tmp_path / "other.singan")
    assert find_named(tmp_path, "model") == folder and find_named(tmp_path, "none") is None
    assert find_kind(file) == "bundle", "of singan make"
    assert list_bundles(tmp_path) == [folder, tmp_path / "other.singan"]


def test_commands_take_a_file_and_its_name(file, tmp_path, monkeypatch):
    monkeypatch.setenv("SINGAN_MODELS", str(tmp_path))
    assert call("models")[1].startswith("model  48x32")
    for word in (file, "model"):
        assert "hills: photo" in call("inspect", word)[1]
    words = ("--out", tmp_path / "pictures", "--size", "40x30", "--threads", "1")
    assert call("sample", "model", *words)[0] == 0
    assert call("animate", file, "--out", tmp_path / "a.gif", "--frames", "2")[0] == 0
    markup = call("markup", file, "--url", "https://a.org", "--size", "40x30")[1]
    assert "https://a.org/v1/model@" in markup


def test_the_service_serves_files(file, tmp_path):
    pytest.importorskip("starlette")
    from starlette.testclient import TestClient

    from singan_runtime.serve.app import make_app
    from singan_runtime.serve.settings import Settings

    for folder in (tmp_path, file):
        with TestClient(make_app(Settings(folder, threads=1))) as client:
            answer = client.get("/v1/model/20x16.png?seed=3", follow_redirects=True)
            assert answer.status_code == 200


# making one


def test_export_makes_a_file_of_a_bundle_with_the_same_bytes_each_time(tmp_path, tiny_bundle):
    pytest.importorskip("onnx")
    for name in ("a", "b"):
        assert call("export", tiny_bundle, "--out", tmp_path / f"{name}.singan")[0] == 0
    assert (tmp_path / "a.singan").read_bytes() == (tmp_path / "b.singan").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.singan") as archive:
        assert archive.namelist()[0] == manifest.NAME and archive.testzip() is None
        times = {member.date_time for member in archive.infolist()}
        assert times == {(1980, 1, 1, 0, 0, 0)}
    assert "files unaltered" in call("verify", tmp_path / "a.singan")[1]

    said = one_line("export", tiny_bundle, "--out", tmp_path / "a.singan")
    assert "already exists; choose another name or pass --force" in said
    assert call("export", tiny_bundle, "--out", tmp_path / "a.singan", "--force")[0] == 0
    said = one_line("export", tmp_path / "a.singan", "--format", "fused")
    assert "takes no further formats" in said


def test_a_file_with_programs_is_verified_in_a_folder_that_goes_away(tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    from singan_export import formats
    from singan_export.verify import verify

    bundle = Path(shutil.copytree(DATA / "tiny_bundle", tmp_path / "bundle"))
    formats.add(bundle, ["fused"])
    write_model_file(tmp_path / "a.singan", list_members(bundle))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert verify(tmp_path / "a.singan").unopened == ["fused"]
    assert verify(tmp_path / "a.singan", named=["fused"]).formats
    assert not list((tmp_path / "temporary").iterdir())


# files of strangers


def test_a_file_without_the_ending_is_refused_in_words(file, tmp_path):
    file.rename(tmp_path / "model.zip")
    refuse(tmp_path / "model.zip", r"a file, not the folder of a bundle .*ends in \.singan")


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 1000], ids=["empty", "short", "other"])
def test_what_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "a.singan").write_bytes(content)
    refuse(tmp_path / "a.singan", "does not end as a zip file does")


def test_a_file_that_was_cut_or_grew_is_refused(file):
    content = file.read_bytes()
    for damaged in (content[:-1], content[:-22], content[: len(content) // 2], content + b"x"):
        file.write_bytes(damaged)
        refuse(file, "not a whole one-file model")
    file.write_bytes(b"#!/bin/sh\n" + content)
    refuse(file, "another length than it states")


def test_a_bomb_is_refused_before_it_is_unpacked(file, members):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
        archive.writestr("photo.webp", bytes(1 << 24))
    refuse(file, r"'manifest\.json' is compressed")


def test_members_that_share_their_bytes_are_refused(file, members):
    """A bomb without compression: many members at one place."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
        largest = max(archive.infolist(), key=lambda one: one.file_size)
        for number in range(100):
            again = zipfile.ZipInfo(f"{number:02d}{largest.filename[2:]}")
            again.header_offset, again.CRC = largest.header_offset, largest.CRC
            again.file_size = again.compress_size = largest.file_size
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
    refuse(file, "members are larger than the file")


def test_more_members_than_a_bundle_has_are_refused_unread(file, monkeypatch):
    write_model_file(file, [(str(number), b"") for number in range(MOST_FILES + 2)])
    monkeypatch.setattr(zipfile, "ZipFile", None)
    refuse(file, rf"{MOST_FILES + 2} members, at most {MOST_FILES + 1} are possible")


def test_links_folders_encrypted_and_double_members_are_refused(file, members):
    def write(change):
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in members:
                member = zipfile.ZipInfo(name)
                archive.writestr(member, content)
            change(archive.infolist()[1], archive)

    def make_link(member, _):
        member.external_attr = (stat.S_IFLNK | 0o777) << 16

    def encrypt(member, _):
        member.flag_bits |= 1

    def add_folder(_, archive):
        archive.mkdir("fp16")

    for change in (make_link, encrypt, add_folder):
        write(change)
        refuse(file, "is a folder, a link or encrypted")
    with pytest.warns(UserWarning, match="Duplicate name"):
        write(lambda _, archive: archive.writestr(*members[1]))
    refuse(file, "two members have one name")


@pytest.mark.parametrize("name", ["../a", "/a", "fp64/../../a", "a\\..\\..\\b", "c:a", "a/.."])
def test_a_member_outside_is_refused_listed_or_not(file, members, tmp_path, name):
    listed = members[0][1].replace(b"parity.json", name.encode().replace(b"\\", b"\\\\"))
    for content in (members[0][1], listed):
        write_model_file(file, [(manifest.NAME, content), *members[1:], (name, b"precious")])
        before = files_of(tmp_path)
        refuse(file, "is no name inside a folder")
        assert files_of(tmp_path) == before


def test_only_listed_members_are_unpacked(file, members):
    pytest.importorskip("onnx")
    from singan_export.one_file import open_folder

    write_model_file(file, [*members, ("fp64/more.py", b"print()")])
    with open_folder(file) as folder:
        assert files_of(folder) == dict(members)
    assert not folder.exists()


def test_a_list_of_members_that_lies_about_places_is_refused(file):
    """The name in front of a member's bytes must be the one in the list."""
    content = bytearray(file.read_bytes())
    place = struct.unpack_from("<L", content, len(content) - 6)[0]
    struct.pack_into("<L", content, place + 42, 7)  # the place of the first member
    file.write_bytes(content)
    refuse(file, r"manifest\.json: cannot be read")


def test_changed_bytes_are_refused_or_do_not_matter(file, sampler):
    content = file.read_bytes()
    random = np.random.default_rng(0)
    expected = sampler.sample((20, 24))
    refused = 0
    ends = [*range(len(content) - 600, len(content))]
    for place in [*random.integers(0, len(content), 60), *random.choice(ends, 120, replace=False)]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(random.integers(8))
        file.write_bytes(damaged)
        try:
            drawn = Sampler.load(file, threads=1).sample((20, 24))
        except SinGANError as error:
            assert "\n" not in str(error)
            refused += 1
        else:
            assert np.array_equal(drawn, expected)
    assert refused > 120
