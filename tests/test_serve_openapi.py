"""The OpenAPI document is true: it has every route, and answers are as it says."""

import itertools
import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from starlette.testclient import TestClient

from singan_runtime.serve import clips, edits, openapi, orders, training_routes
from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import Settings, TrainingLimits

LOOSE = ("keep", "place", "background", "window", "start_scale", "zoom")
"""Parameters of which the document says less than the model does."""

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(DATA / "tiny_bundle", folder / "tiny_bundle")
    limits = {"max_pixels": 5000, "max_clip_pixels": 9000, "training": TrainingLimits()}
    return make_app(Settings(folder, "cpu", 1, **limits))


@pytest.fixture(scope="module")
def document(app):
    return TestClient(app).get("/openapi.json").json()


def test_the_document_has_every_route_and_its_methods(app, document):
    known = {
        re.sub(r":\w+}", "}", route.path): {one.lower() for one in route.methods} - {"head"}
        for route in app.routes
    }
    described = {path: {*route} - {"parameters"} for path, route in document["paths"].items()}
    assert described == known


def test_every_place_of_a_path_is_described(document):
    for path, route in document["paths"].items():
        names = [one["name"] for one in route["parameters"]]
        assert names == re.findall(r"{(\w+)}", path)


def test_parameters_are_those_that_are_read(document):
    for path, names in (("", orders.PARAMETERS), ("/animate", clips.PARAMETERS)):
        listed = document["paths"][f"/v1/{{model}}{path}/{{file}}"]["get"]["parameters"]
        assert [one["name"] for one in listed] == [*names, "s"]
    for name, words in edits.PARAMETERS.items():
        body = document["paths"][f"/v1/{{model}}/{name}"]["post"]["requestBody"]["content"]
        assert {*words} <= {*body["multipart/form-data"]["schema"]["properties"]}
    training = document["paths"]["/v1/training"]["post"]["requestBody"]["content"]
    assert [*training["multipart/form-data"]["schema"]["properties"]] == [
        *training_routes.FILES,
        *training_routes.WORDS,
    ]


def test_names_of_files_match_their_pattern(document):
    [place] = [
        one["schema"]["pattern"]
        for one in document["paths"]["/v1/{model}/{file}"]["parameters"]
        if one["name"] == "file"
    ]
    for name in ("1920x1080.webp", "phone.jpg"):
        assert re.match(place, name)
    for name in ("1920x1080.gif", "1920.png", "phone", "xphone.png"):
        assert not re.match(place, name)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_no_request_that_the_document_allows_finds_it_untrue(app):
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    model = app.state.service.catalogue.models["tiny_bundle"].address
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    true = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    statuses, cases = set(), itertools.count()
    for operation in schema.get_all_operations():

        @given(case=operation.ok().as_strategy())
        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        def check(case):
            places = choose_places(case.path, model)
            case.path_parameters = {**(case.path_parameters or {}), **places}
            turn = next(cases) % 4
            if turn == 3 and "{file}" in case.path:
                case.query = {"seed": "7"}  # random words alone are drawn by luck
            loose = LOOSE if turn % 2 else ()
            case.query = {name: word for name, word in case.query.items() if name not in loose}
            answer = case.call_and_validate(checks=true)
            statuses.add((case.path, answer.status_code))

        check()
    assert ("/v1/{model}/{file}", 200) in statuses
    assert len({path for path, status in statuses if status == 200}) >= 10


def choose_places(path, model):
    """Places of a path that are there, so that random words meet work."""
    view = {"region": "full", "size": "max", "rotation": "0", "quality": "gray", "format": "png"}
    if path.startswith("/iiif"):
        known = {"identifier": f"{model}:60x40:1", **view}
    else:
        file = "60x40.gif" if "animate" in path else "60x40.png"
        known = {"file": file, "size": "60x40", "level": 6, "tile": "0_0.png", "model": model}
        known["id"] = "0123456789abcdef"  # of a training that nobody began
    return {name: known[name] for name in re.findall(r"{(\w+)}", path)}


def test_schemas_are_used():
    text = str(openapi.write_document(""))
    for name in openapi.SCHEMAS:
        assert f"'{name}'" in text
