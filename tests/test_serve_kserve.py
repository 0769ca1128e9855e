"""KServe's protocol: pictures as tensors, in JSON and in bytes, and errors in its own form."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from served import serve
from starlette.testclient import TestClient

from singan_runtime import Request, Sampler
from singan_runtime.serve import kserve, signing
from singan_runtime.serve.allowed_sizes import AllowedSizes
from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import Settings

DATA = Path(__file__).parent / "data"
INFER = "/v2/models/tiny_bundle/infer"


def open_client(folder=DATA, **settings):
    return TestClient(make_app(Settings(folder, device="cpu", threads=1, **settings)))


@pytest.fixture(scope="module")
def client():
    with open_client() as opened:
        yield opened


def write_input(name, datatype, data, **more):
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data, **more}


SIZE = write_input("size", "INT64", [40, 60])


def ask(client, *inputs, path=INFER, **more):
    return client.post(path, json={"inputs": [*inputs], **more})


def refuse(answer, status, said):
    """The answer is an error of the protocol with a status, in one line that has the words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    error = answer.json()
    assert set(error) == {"error"} and said in error["error"] and "\n" not in error["error"]


# Pictures


def test_a_picture_as_json_is_samplers(client, sampler):
    fields = [
        write_input("seed", "UINT64", [2**64 - 1]),
        write_input("zoom", "FP64", [1.2]),
        write_input("start_scale", "INT64", [1]),
        write_input("variation", "FP64", [2]),
    ]
    answer = ask(client, SIZE, *fields, id="mine")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    said = answer.json()
    assert (said["id"], said["model_name"], said["model_version"]) == ("mine", "tiny_bundle", "1")
    [output] = said["outputs"]
    assert (output["name"], output["datatype"]) == ("pixels", "UINT8")
    drawn = np.array(output["data"], np.uint8).reshape(output["shape"])
    wanted = Request(size=(40, 60), seed=2**64 - 1, zoom=1.2, start_scale=1, variation=2)
    np.testing.assert_array_equal(drawn, sampler.draw(wanted))


def test_inputs_and_outputs_in_bytes_follow_the_json(client, sampler):
    inputs = [
        {"name": "size", "datatype": "INT64", "shape": [2]},
        {"name": "seed", "datatype": "UINT64", "shape": [1]},
    ]
    parts = np.array([30, 50], "<i8").tobytes(), np.array([7], "<u8").tobytes()
    for one, part in zip(inputs, parts, strict=True):
        one["parameters"] = {"binary_data_size": len(part)}
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    headers = {kserve.JSON_LENGTH: str(len(head)), "Content-Type": kserve.BINARY}
    answer = client.post(INFER, content=b"".join([head, *parts]), headers=headers)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == kserve.BINARY
    length = int(answer.headers[kserve.JSON_LENGTH])
    [output] = json.loads(answer.content[:length])["outputs"]
    assert output["parameters"] == {"binary_data_size": len(answer.content) - length}
    drawn = np.frombuffer(answer.content[length:], np.uint8).reshape(output["shape"])
    np.testing.assert_array_equal(drawn, sampler.sample((30, 50), seed=7)[0])


def test_a_model_with_labels_sends_masks(client):
    path = "/v2/models/marked_bundle"
    described = client.get(path).json()
    assert [one["name"] for one in described["outputs"]] == ["pixels", "masks"]
    answer = ask(client, SIZE, path=f"{path}/infer", outputs=[{"name": "masks"}])
    [masks] = answer.json()["outputs"]
    drawn = Sampler.load(DATA / "marked_bundle").draw_labelled(Request(size=(40, 60)))[1]
    assert masks["shape"] == list(drawn.shape)
    assert masks["data"] == drawn.ravel().tolist()


def test_lists_in_lists_and_addresses_with_an_id_are_taken(client):
    id = client.get("/v1/models/tiny_bundle").json()["id"]
    nested = {"name": "size", "datatype": "INT64", "shape": [1, 2], "data": [[20, 30]]}
    answer = ask(client, nested, path=f"/v2/models/tiny_bundle@{id}/infer")
    assert answer.json()["outputs"][0]["shape"] == [20, 30, 3]


# What there is


def test_the_server_and_its_models_are_described(client):
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    found = client.get("/v2/models/tiny_bundle").json()
    assert (found["name"], found["versions"]) == ("tiny_bundle", ["1"])
    assert {"name": "size", "datatype": "INT64", "shape": [2]} in found["inputs"]
    assert found["outputs"] == [{"name": "pixels", "datatype": "UINT8", "shape": [-1, -1, 3]}]
    assert client.get("/v2/models/tiny_bundle/ready").status_code == 200


def test_a_service_that_opens_models_is_not_ready(client, monkeypatch):
    monkeypatch.setattr(client.app.state.service, "is_ready", False)
    answer = client.get("/v2/health/ready")
    refuse(answer, 503, "models are being opened")
    assert answer.headers["retry-after"] == "1"


# What is refused


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([], "size is missing: give INT64 of shape [2]"),
        ([write_input("size", "INT32", [40, 60])], "size is 'INT32': give INT64"),
        ([write_input("size", "INT64", [40])], "size is int64 of shape [1]: give INT64"),
        ([write_input("size", "INT64", [40, 60.5])], "must be 2 numbers of INT64"),
        ([write_input("size", "INT64", [True, 60])], "must be 2 numbers of INT64"),
        ([write_input("size", "INT64", [2**63, 60])], "does not fit INT64"),
        ([write_input("size", "INT64", [-1, 60])], "size"),
        ([{**SIZE, "shape": [3]}], "must be 3 numbers"),
        ([{**SIZE, "shape": [2**62]}], "give a list of lengths"),
        ([{**SIZE, "shape": "2"}], "give a list of lengths"),
        ([SIZE, SIZE], "input 'size' is not possible: give each of size, seed"),
        ([SIZE, write_input("colour", "FP64", [1])], "input 'colour' is not possible"),
        ([SIZE, 5], "input None is not possible"),
        ([SIZE, write_input("seed", "UINT64", [-1])], "does not fit UINT64"),
        ([SIZE, write_input("start_scale", "INT64", [9])], "start scale 9 is not possible"),
        ([{**SIZE, "parameters": {"binary_data_size": 16}}], "16 bytes of 0 are not 2 numbers"),
        ([write_input("size", "INT64", [1001, 1000])], "the most that are sent as JSON"),
        ([write_input("size", "INT64", [10**5, 10**5])], "over this service's limit"),
    ],
)
def test_a_wrong_input_is_one_clear_line(client, inputs, said):
    refuse(ask(client, *inputs), 422, said)


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"", {}, "not JSON"),
        (b"[]", {}, "must be an object with a list 'inputs'"),
        (b'{"inputs": 1}', {}, "must be an object with a list 'inputs'"),
        (b'{"inputs": []} ', {kserve.JSON_LENGTH: "99"}, "the body has 15 bytes"),
        (b'{"inputs": []}12', {kserve.JSON_LENGTH: "14"}, "2 bytes follow the last input"),
        (b"{}", {kserve.JSON_LENGTH: "-1"}, "the body has 2 bytes"),
        (b"[" * 5000, {}, "not JSON"),
    ],
)
def test_a_body_that_is_no_request_is_one_clear_line(client, body, headers, said):
    refuse(client.post(INFER, content=body, headers=headers), 422, said)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"outputs": [{"name": "map"}]}, "unknown output 'map': the outputs are pixels"),
        ({"outputs": 7}, "outputs must be a list"),
        ({"parameters": {"binary_data_output": 1}}, "binary_data_output is 1: choose"),
    ],
)
def test_wrong_outputs_are_one_clear_line(client, more, said):
    refuse(ask(client, SIZE, **more), 422, said)


def test_an_unknown_model_is_404_in_the_protocols_form(client):
    refuse(client.get("/v2/models/nobody"), 404, "there is no model 'nobody'")
    refuse(ask(client, SIZE, path="/v2/models/nobody/infer"), 404, "there is no model")


def test_limits_of_the_service_hold():
    with open_client(max_body=100, sizes=AllowedSizes(step=64)) as limited:
        refuse(ask(limited, {**SIZE, "more": "x" * 100}), 413, "larger than 100 bytes")
    with open_client(sizes=AllowedSizes(step=64)) as limited:
        refuse(ask(limited, SIZE), 422, "60x40 is not made here")
    with open_client(keys=(b"k" * 32,)) as limited:
        refuse(ask(limited, SIZE), 403, "no key has signed this one")
        assert ask(limited, SIZE, path=signing.sign(f"{INFER}?", b"k" * 32)).status_code == 200


# Triton's own client, in an environment of its own: it pins versions that others exclude

ASK = """
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

client = http.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("tiny_bundle")
assert client.get_model_metadata("tiny_bundle")["versions"] == ["1"]

size, seed = http.InferInput("size", [2], "INT64"), http.InferInput("seed", [1], "UINT64")
size.set_data_from_numpy(np.array([40, 60]))
seed.set_data_from_numpy(np.array([7], np.uint64), binary_data=False)
binary = client.infer("tiny_bundle", [size, seed]).as_numpy("pixels")
wanted = [http.InferRequestedOutput("pixels", binary_data=False)]
plain = client.infer("tiny_bundle", [size, seed], outputs=wanted).as_numpy("pixels")
assert (binary == plain).all()
np.save(sys.argv[2], binary)

size.set_data_from_numpy(np.array([0, 60]))
try:
    client.infer("tiny_bundle", [size])
except InferenceServerException as error:
    print(error.message())
"""


@pytest.mark.slow
def test_tritons_own_client_gets_samplers_picture(triton_python, tmp_path, sampler):
    with serve(DATA / "tiny_bundle") as served:
        place = served.url.removeprefix("http://")
        words = [triton_python, "-c", ASK, place, tmp_path / "pixels.npy"]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert "size" in ran.stdout and "0" in ran.stdout
    drawn = np.load(tmp_path / "pixels.npy")
    np.testing.assert_array_equal(drawn, sampler.sample((40, 60), seed=7)[0])
