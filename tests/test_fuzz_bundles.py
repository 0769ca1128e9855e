"""Bundles with any field or byte changed are drawn from or refused, in bounded time and memory."""

import contextlib
import copy
import hashlib
import json
import math
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from singan_cli.bundle_text import list_scales
from singan_cli.drawing_plan import DrawingPlan
from singan_core import manifest as manifests
from singan_core.errors import SinGANError
from singan_runtime import Sampler
from singan_runtime.request import Request

if sys.platform != "linux":
    pytest.skip("bounds memory as Linux does", allow_module_level=True)
import resource

DATA = Path(__file__).parent / "data"
BUNDLES = {"tiny_bundle": (32, 48), "labelled_bundle": (22, 30), "marked_bundle": (30, 45)}
"""One of generators alone, one with labels, one with detail and masks: the size to draw."""
MOST_BYTES = 2 << 30
MOST_SECONDS = 20
QUICK, SLOW = 150, 2000  # bundles of each kind


@contextlib.contextmanager
def bounded():
    """Let a block have two more gigabytes and 20 seconds of the processor."""
    held = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + MOST_BYTES, before[1]))
    began = time.process_time()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert time.process_time() - began < MOST_SECONDS


def use(bundle, size):
    """Do with a bundle what commands do: say what it is, load it, draw. Anything else is a bug."""
    with bounded():
        try:
            found = manifests.read(bundle, "bundle")
            said = [*list_scales(found), *DrawingPlan.make(found.pyramid, size, "auto").as_lines()]
            assert all(line.isprintable() for line in said)
            sampler = Sampler.load(bundle, threads=1)
            assert sampler.sample(size, seed=3).shape[1:3] == size
        except SinGANError as error:
            assert "\n" not in str(error) and len(str(error)) < 5000


@contextlib.contextmanager
def copied(name):
    with tempfile.TemporaryDirectory() as folder:
        yield shutil.copytree(DATA / name, Path(folder) / "bundle")


# manifests


def list_places(value, place=()):
    """List the places of all values inside a JSON value, itself included."""
    yield place
    if isinstance(value, dict | list):
        for key, inside in value.items() if isinstance(value, dict) else enumerate(value):
            yield from list_places(inside, (*place, key))


def look_up(value, place):
    for key in place:
        value = value[key]
    return value


TEXTS = ["", "x", "../evil", "/etc/passwd", "scale_00.onnx", "fp16/a", "\0", "\x1b[2J", "a" * 5000]
TEXTS += ["<script>", "\u202e", "0" * 64, "..", "a/../../b", "zero", "philox", "NaN", "日本"]
NUMBERS = [0, 1, -1, 2, 3, 4, 11, 16, 64, 255, 1024, 8192, 8193, 2**31, 2**63, 2**64, 10**30, 0.5]
NUMBERS += [1e-300, 1e-9, 0.9994, 0.9999999999, 1.0, 9.99, 1e18, 1e300, -0.0, 10**4000]
ODD = [None, True, False, [], {}, [[]], [None], [0] * 100, [[8192, 8192]] * 30, {"a": "b"}]
ODD += [[1.0] * 300, [["x"]], [[11, 11], [12, 12]], math.nan, math.inf]
VALUES = st.sampled_from([*TEXTS, *NUMBERS, *ODD]) | st.integers() | st.floats() | st.text()


@st.composite
def changed_manifests(draw):
    name = draw(st.sampled_from(list(BUNDLES)))
    content = json.loads((DATA / name / "manifest.json").read_text())
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(list(list_places(content))[1:]))
        within, old = look_up(content, place[:-1]), look_up(content, place)
        match draw(st.sampled_from(["replace", "replace", "delete", "repeat", "vary"])):
            case "replace":
                within[place[-1]] = copy.deepcopy(draw(VALUES))
            case "delete":
                del within[place[-1]]
            case "repeat" if isinstance(old, list) and old:
                within[place[-1]] = old * draw(st.integers(2, 70))
            case "vary" if isinstance(old, int | float) and not isinstance(old, bool):
                within[place[-1]] = draw(
                    st.sampled_from([old + 1, old - 1, old * 2, -old, old / 3])
                )
        if not isinstance(content, dict) or not content:
            break
    return name, content


def check_manifest(changed):
    name, content = changed
    with copied(name) as bundle:
        (bundle / "manifest.json").write_text(json.dumps(content))
        use(bundle, BUNDLES[name])


@settings(max_examples=QUICK)
@given(changed_manifests())
def test_a_changed_manifest_is_refused_or_still_draws(changed):
    check_manifest(changed)


@pytest.mark.slow
@settings(max_examples=SLOW)
@given(changed_manifests())
def test_many_changed_manifests_are_refused_or_still_draw(changed):
    check_manifest(changed)


def nested(depth):
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("depth", [10, 100, 900, 5000, 1_000_000])
@pytest.mark.parametrize("field", ["name", "files", "shapes", "detail", "new"])
def test_values_inside_values_are_refused_however_deep(field, depth):
    with copied("tiny_bundle") as bundle:
        content = json.loads((bundle / "manifest.json").read_text()) | {field: "HERE"}
        text = json.dumps(content).replace('"HERE"', nested(depth))
        (bundle / "manifest.json").write_text(text)
        use(bundle, (24, 32))


# requests, which a picture of a stranger's may hold as text


REQUEST = {"size": "60x40", "seed": 1, "zoom": "auto", "start_scale": 0, "tileable": "x"}
REQUEST |= {"variation": 1.5, "detail": True, "window": [1, 2, 8, 9]}
REQUEST |= {"keep": [{"name": "thing", "place": [0.5, None]}]}


@st.composite
def changed_requests(draw):
    content = copy.deepcopy(REQUEST)
    for name in draw(st.sets(st.sampled_from(list(REQUEST)), max_size=7)):
        del content[name]
    for _ in range(draw(st.integers(0, 3))):
        places = list(list_places(content))[1:]
        if places:
            place = draw(st.sampled_from(places))
            look_up(content, place[:-1])[place[-1]] = copy.deepcopy(draw(VALUES))
    return content


@settings(max_examples=10 * QUICK)
@given(changed_requests())
def test_a_changed_request_is_refused_or_can_be_planned(marked_sampler, content):
    with bounded():
        try:
            request = Request.from_json(json.dumps(content))
            if request.size is None or max(request.size) < 1000:
                sampler, request = marked_sampler.choose_sampler(request)
                sampler.plan_request(request)
        except SinGANError as error:
            assert "\n" not in str(error)


@pytest.fixture(scope="module")
def marked_sampler():
    return Sampler.load(DATA / "marked_bundle", threads=1)


# bytes of every file


FILES = [
    (name, file.relative_to(DATA / name).as_posix())
    for name in BUNDLES
    for file in sorted((DATA / name).rglob("*"))
    if file.is_file()
]


@st.composite
def changed_files(draw):
    name, file = draw(st.sampled_from(FILES))
    content = bytearray((DATA / name / file).read_bytes())
    match draw(st.sampled_from(["flip", "flip", "set", "cut", "insert", "zero", "swap"])):
        case "flip":
            for _ in range(draw(st.integers(1, 5))):
                content[draw(st.integers(0, len(content) - 1))] ^= 1 << draw(st.integers(0, 7))
        case "set":  # in the first bytes, where the headers are
            for _ in range(draw(st.integers(1, 3))):
                content[draw(st.integers(0, min(len(content), 200) - 1))] = draw(
                    st.integers(0, 255)
                )
        case "cut":
            del content[draw(st.integers(0, len(content) - 1)) :]
        case "insert":
            at = draw(st.integers(0, len(content)))
            content[at:at] = draw(st.binary(min_size=1, max_size=64))
        case "zero":
            at = draw(st.integers(0, len(content) - 1))
            content[at : at + 64] = bytes(64)
        case "swap":  # with a file of another kind or scale
            other = draw(st.sampled_from(FILES))
            content = bytearray((DATA / other[0] / other[1]).read_bytes())
    return name, file, bytes(content)


def check_file(changed):
    """Write the file and, as a stranger would, its right digest."""
    name, file, content = changed
    with copied(name) as bundle:
        (bundle / file).write_bytes(content)
        if file != "manifest.json":
            stated = json.loads((bundle / "manifest.json").read_text())
            stated["files"][file] = hashlib.sha256(content).hexdigest()
            (bundle / "manifest.json").write_text(json.dumps(stated))
        use(bundle, BUNDLES[name])


@settings(max_examples=QUICK)
@given(changed_files())
def test_a_changed_file_is_refused_or_still_draws(changed):
    check_file(changed)


@pytest.mark.slow
@settings(max_examples=SLOW)
@given(changed_files())
def test_many_changed_files_are_refused_or_still_draw(changed):
    check_file(changed)
