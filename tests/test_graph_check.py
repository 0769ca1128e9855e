"""What a stranger's graph may ask of ONNX Runtime, checked before it is run."""

import contextlib
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from singan_runtime.graph_check import check_graph
from singan_runtime.graph_file import read_graph
from singan_runtime.wire_format import GraphError

DATA = Path(__file__).parent / "data"
GRAPHS = sorted(
    [*DATA.rglob("scale_*.onnx"), *(DATA.parent.parent / "models").rglob("scale_*.onnx")]
)


def channels_of(path):
    folder = path.parent if (path.parent / "manifest.json").exists() else path.parent.parent
    return json.loads((folder / "manifest.json").read_text())["channels"]


def test_every_graph_that_the_project_ships_passes():
    assert len(GRAPHS) > 30
    for path in GRAPHS:
        check_graph(path.read_bytes(), channels_of(path))


def test_a_graph_for_other_channels_is_refused():
    path = DATA / "grey_bundle/scale_00.onnx"
    with pytest.raises(GraphError, match="shape"):
        check_graph(path.read_bytes(), 3)


def test_a_cut_graph_is_refused_wherever_it_is_cut():
    data = (DATA / "tiny_bundle/scale_01.onnx").read_bytes()
    for length in range(0, len(data), 97):
        with pytest.raises(GraphError):
            check_graph(data[:length], 3)


@given(st.data())
def test_a_damaged_graph_gives_a_graph_error_or_is_a_sound_graph(data):
    content = bytearray((DATA / "tiny_bundle/scale_01.onnx").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        check_graph(bytes(content), 3)
    except GraphError as error:
        assert len(str(error)) < 1000 and "\n" not in str(error)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    with contextlib.suppress(GraphError):
        read_graph(content)


def test_weights_that_are_not_numbers_are_refused():
    content = (DATA / "tiny_bundle/scale_01.onnx").read_bytes()
    bias = next(v for name, v in read_graph(content).constants.items() if name.startswith("bias"))
    bad = bias.copy()
    bad[0] = np.nan
    assert content.count(bias.tobytes()) == 1
    with pytest.raises(GraphError, match="not finite"):
        check_graph(content.replace(bias.tobytes(), bad.tobytes()), 3)


# Graphs written by onnx: what a stranger could send.


@pytest.fixture
def model():
    onnx = pytest.importorskip("onnx")
    return onnx.load(DATA / "tiny_bundle/scale_01.onnx")


def refuse(model, match):
    with pytest.raises(GraphError, match=match):
        check_graph(model.SerializeToString(), 3)


def add(model, operator, inputs, output, **attributes):
    from onnx import helper

    model.graph.node.insert(0, helper.make_node(operator, inputs, [output], **attributes))


def constant(model, name, values):
    from onnx import numpy_helper

    model.graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))


@pytest.mark.parametrize("operator", ["ConstantOfShape", "Tile", "Expand", "Resize", "Loop", "If"])
def test_an_operator_that_no_generator_has_is_refused(model, operator):
    add(model, operator, ["noise"], "more")
    refuse(model, f"operator '{operator}' is not one of")


def test_a_graph_inside_the_graph_is_refused(model):
    from onnx import helper

    body = helper.make_graph([], "body", [], [])
    model.graph.node[0].attribute.append(helper.make_attribute("body", body))
    refuse(model, "a graph inside the graph")


def test_weights_in_another_file_are_refused(model):
    tensor = model.graph.initializer[0]
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    refuse(model, "weights in another file")


def test_functions_are_refused(model):
    function = model.functions.add()
    function.name = "Add"
    refuse(model, "functions of its own")


def test_another_operator_set_is_refused(model):
    model.graph.node[0].domain = "com.microsoft"
    refuse(model, "com.microsoft")


def test_two_rows_that_make_a_square_are_refused(model):
    """A quarter of a megabyte of weights, which an addition turns into 34 GB."""
    constant(model, "down", np.zeros((1 << 15, 1), np.float32))
    constant(model, "across", np.zeros((1, 1 << 15), np.float32))
    add(model, "Add", ["down", "across"], "square")
    refuse(model, "bytes for each pixel")


def test_doubling_again_and_again_is_refused(model):
    for step in reversed(range(30)):
        name = f"double_{step - 1}" if step else "noise"
        add(model, "Concat", [name, name], f"double_{step}", axis=1)
    refuse(model, "bytes for each pixel")


def test_a_product_that_grows_with_the_square_of_the_picture_is_refused(model):
    add(model, "Add", ["noise", "turned"], "square")
    add(model, "Transpose", ["narrow"], "turned", perm=[0, 1, 3, 2])
    constant(model, "starts", [0])
    constant(model, "ends_1", [1])
    constant(model, "axis_3", [3])
    add(model, "Slice", ["noise", "starts", "ends_1", "axis_3"], "narrow")
    refuse(model, "not possible|bytes for each pixel|two tensors")


def test_a_convolution_that_pads_is_refused(model):
    from onnx import helper

    convolution = next(node for node in model.graph.node if node.op_type == "Conv")
    convolution.attribute.append(helper.make_attribute("pads", [1 << 20] * 4))
    refuse(model, "'pads', which we never write")


def test_an_image_of_another_size_is_refused(model):
    last = model.graph.node[-1]
    last.input[0], last.input[1] = "noise", "prev"
    refuse(model, "size of its noise less 5 px")


def test_a_loop_of_values_is_refused(model):
    add(model, "Add", ["ahead", "noise"], "first")
    refuse(model, "nothing before it makes")


def test_a_field_that_stands_twice_is_refused(model):
    """Protocol buffers would merge two graphs into one."""
    data = model.SerializeToString()
    with pytest.raises(GraphError, match="twice"):
        check_graph(data + data, 3)


def test_messages_name_what_was_found(model):
    add(model, "Tile", ["noise"], "more")
    with pytest.raises(GraphError) as caught:
        check_graph(model.SerializeToString(), 3)
    assert re.search("Tile.*Conv", str(caught.value))


# Files that no library writes, in protocol buffers made by hand.


def varint(number):
    parts = [number >> 7 * place & 127 for place in range(10)]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return bytes([*(part | 128 for part in parts[:-1]), parts[-1]])


def made(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def graph_of(number, *parts):
    return made(7, made(number, b"".join(parts)))


def tensor(kind, sides, *parts):
    return graph_of(5, *(made(1, side) for side in sides), made(2, kind), *parts)


def attribute(*parts):
    return graph_of(1, made(4, b"Conv"), made(5, b"".join([made(1, b"alpha"), *parts])))


ONE = b"\0\0\x80\x3f"


@pytest.mark.parametrize(
    "content",
    [
        attribute(made(2, b"")),
        attribute(made(2, b"abc")),
        tensor(1, [1], made(4, b"abc")),
        tensor(11, [1], made(10, b"abc")),
        tensor(1, [1] * 70, made(9, ONE)),
        tensor(1, [0, 1 << 62, 1 << 62]),
        tensor(1, [2], made(9, ONE), made(4, ONE)),  # in two places: which one counts?
        tensor(10, [1], made(5, 0x7C00)),  # half precision as whole numbers: infinity
        tensor(3, [1], made(4, b"\0\0\xc0\x7f")),
        graph_of(1, made(3, b"\x1b[2J")),
        graph_of(1, *[made(1, b"noise")] * 5000),
        made(14, b"") * 1_000_000,
        tensor(7, [1], made(7, b"\1" * 20_000_000)),
    ],
)
def test_files_that_no_library_writes_are_refused_at_once(content):
    began = time.process_time()
    with pytest.raises(GraphError):
        read_graph(content)
    assert time.process_time() - began < 5


def test_a_generator_far_wider_than_the_widest_of_the_paper_is_refused(model):
    wide = np.zeros((700, 700, 3, 3), np.float32)
    constant(model, "wide", wide)
    constant(model, "enter", wide[:, :3])
    add(model, "Conv", ["first", "wide"], "second")
    add(model, "Conv", ["noise", "enter"], "first")
    refuse(model, "products for each pixel")


def test_a_slice_by_real_numbers_is_refused(model):
    constant(model, "real", np.float32([5, 5]))
    next(node for node in model.graph.node if node.op_type == "Slice").input[1] = "real"
    refuse(model, "no constant of whole numbers")


def test_a_cast_to_text_is_refused(model):
    add(model, "Cast", ["noise"], "words", to=8)
    refuse(model, "Cast to element type")
