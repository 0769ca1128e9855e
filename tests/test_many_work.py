"""Large jobs, but for Ray: which photos and workers there are, what fails alone, what is told."""

import socket
import sys
import warnings
from collections import namedtuple
from types import SimpleNamespace

import pytest
from command_line import call, one_line
from PIL import Image
from test_many import write_lines

from singan_cli.many import display, work
from singan_cli.many.cluster import Cluster, Workforce, count_places
from singan_cli.many.outcome import Outcome, attempt, summarise
from singan_cli.many.photo_names import INDEX, name_photos
from singan_cli.many.photos import PhotoItem, make, train_item
from singan_cli.signals import StoppedBySignal
from singan_cli.site.material import Training
from singan_core.errors import ImageError, OutputError, RequestError

# photos


def save_photos(folder, **colours):
    found = []
    for name, colour in colours.items():
        path = folder / f"{name.replace('_', '/')}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (60, 40), colour).save(path)
        found.append(path)
    return found


def test_photos_of_the_same_name_have_runs_of_their_own_in_any_order(tmp_path):
    red, blue, copy = save_photos(tmp_path, a_scene="red", b_SCENE="blue", c_scene="red")
    names, failed = name_photos([red, blue, copy, red], tmp_path)
    assert not failed and list(names.values()) == [red, blue]
    first, second = names
    assert first == "scene" and second.startswith("SCENE-") and len(second) == 14
    for name in names:
        (tmp_path / name).mkdir()
    assert name_photos([blue, red], tmp_path)[0] == {second: blue, first: red}


def test_photos_that_are_none_fail_alone_and_take_no_name(tmp_path):
    (tmp_path / "a.png").touch()
    names, failed = name_photos([tmp_path / "a.png", tmp_path / "b.png", tmp_path], tmp_path)
    assert not names and all(one.state == "failed" for one in failed)
    assert ["empty" in failed[0].reason, "no such file" in failed[1].reason] == [True, True]

    (photo,) = save_photos(tmp_path, c="red")
    assert list(name_photos([photo], tmp_path)[0]) == ["c"]
    (photo,) = save_photos(tmp_path, c="blue")  # mended, before any run was begun
    assert list(name_photos([photo], tmp_path)[0]) == ["c"]


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 1}', '{"a": "../b"}'])
def test_an_index_of_somebody_else_is_refused(tmp_path, content):
    (tmp_path / INDEX).write_text(content)
    with pytest.raises(OutputError, match="choose another folder"):
        name_photos([], tmp_path)


def test_runs_and_bundles_lie_in_folders_that_all_workers_share(tmp_path):
    marks = tmp_path / ".runs", tmp_path / "elsewhere" / ".bundles"
    marks[0].touch()
    item = PhotoItem(tmp_path / "a.png", tmp_path / "a", tmp_path / "b", Training(), marks)
    outcome = train_item(item, None)
    assert outcome.state == "failed" and "elsewhere: on " in outcome.reason
    assert "name one that all machines share" in outcome.reason


def test_a_training_that_hears_of_a_stop_leaves_a_checkpoint_and_goes_on_to_the_same(
    tmp_path, drawn_scene
):
    pytest.importorskip("torch")
    asked = {"preset": "draft", "max_size": None, "width": 8, "iterations": 20, "pool": 4}
    training = Training(asked | {"min_size": 19, "hand_over": 33}, "cpu", 1)

    def run(name, stop):
        heard = SimpleNamespace(tell=lambda share: None, hear=lambda: stop)
        return attempt(name, lambda: make(item(name), heard)).state

    def item(name):
        return PhotoItem(drawn_scene, tmp_path / name, None, training, ())

    assert run("a", stop=True) == "stopped"
    assert (tmp_path / "a" / "checkpoint.safetensors").exists()
    assert [run("a", stop=False), run("a", stop=False), run("b", stop=False)] == [
        "done",
        "there",
        "done",
    ]
    networks = [path.relative_to(tmp_path / "a") for path in tmp_path.glob("a/*/*.safetensors")]
    assert networks
    for name in networks:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


# outcomes


def test_an_error_fails_its_item_alone_and_warnings_are_kept():
    def warn():
        warnings.warn("dark", stacklevel=1)
        return True

    def fail(error):
        raise error

    assert attempt("a", warn) == Outcome("a", "done", "", ("dark",))
    assert attempt("a", lambda: False).state == "there"
    assert attempt("a", lambda: fail(ImageError("a: bad"))) == Outcome("a", "failed", "a: bad")
    assert attempt("a", lambda: fail(TypeError("odd"))).reason == "TypeError: odd"
    assert attempt("a", lambda: fail(KeyboardInterrupt())).state == "stopped"


def test_a_summary_counts_each_state():
    outcomes = [Outcome("a", "done"), Outcome("b", "there"), Outcome("c", "failed", "bad")]
    said = summarise(outcomes, "pictures", "drawn")
    assert said == "3 pictures: 1 drawn, 1 there already, 1 failed"


# clusters


@pytest.mark.parametrize(
    ("node", "asked", "places"),
    [
        ({"CPU": 8.0}, {}, 8),
        ({"CPU": 8.0}, {"threads": 3}, 2),
        ({"CPU": 8.0}, {"gpus": 1}, 0),
        ({"CPU": 8.0, "GPU": 2.0}, {"gpus": 0.4}, 4),
        ({"CPU": 8.0, "GPU": 4.0}, {"gpus": 2}, 2),
        ({"CPU": 2.0, "GPU": 4.0}, {"gpus": 0.1}, 2),
        ({}, {}, 0),
    ],
)
def test_a_machine_has_room_for_so_many_workers(node, asked, places):
    asked = {"address": "ray://a"} | asked
    assert count_places(node, Cluster(**asked)) == places


@pytest.mark.parametrize("address", ["ray://", "http://a:1", "ray://a:0", "ray://a:99999", "a:1"])
def test_an_address_that_is_none_is_refused(tmp_path, tiny_bundle, address):
    path = write_lines(tmp_path / "list", {"size": "60x40"})
    words = ("render-many", path, "--model", tiny_bundle, "--out", tmp_path / "out")
    assert "give ray://HOST:PORT" in one_line(*words, "--address", address)


def test_a_cluster_that_cannot_be_reached_gives_one_line(tmp_path, tiny_bundle):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    path = write_lines(tmp_path / "list", {"size": "60x40"})
    words = ("render-many", path, "--model", tiny_bundle, "--out", tmp_path / "out")
    said = one_line(*words, "--address", f"ray://127.0.0.1:{port}")
    assert "no cluster answers (connection refused)" in said and "leave out --address" in said
    assert not list((tmp_path / "out").glob("*.png"))


def test_without_ray_the_extra_is_named(tmp_path, tiny_bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    path = write_lines(tmp_path / "list", {"size": "60x40"})
    said = one_line("render-many", path, "--model", tiny_bundle, "--out", tmp_path / "out")
    assert "pip install 'ray[client]' (singan's extra cluster)" in said


def test_half_a_second_gpu_is_refused():
    with pytest.raises(RequestError, match="a share of one"):
        Cluster(gpus=1.5)


def test_nothing_to_draw_needs_no_cluster(tmp_path, tiny_bundle):
    path = write_lines(tmp_path / "list", "nonsense")
    words = ("render-many", path, "--model", tiny_bundle, "--out", tmp_path / "out")
    status, said, why = call(*words)
    assert status == 1 and "1 pictures: 1 failed" in said
    assert "line 1: is not JSON" in why and "error: 1 of 1 pictures failed" in why


Thing = namedtuple("Thing", "name")


class StandIn:
    """As much of Ray as run_items uses: a task is done when it is waited for."""

    exceptions = SimpleNamespace(
        RayError=RuntimeError, WorkerCrashedError=BrokenPipeError, OutOfMemoryError=MemoryError
    )

    def __init__(self):
        self.most = 0
        self.options = []

    def remote(self, work):
        if isinstance(work, type):
            board = SimpleNamespace(
                stop=SimpleNamespace(remote=lambda: None),
                read=SimpleNamespace(remote=lambda: dict),
            )
            return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda: board))

        def make(**options):
            self.options.append(options)
            return SimpleNamespace(remote=lambda item, board: lambda: work(item, board))

        return SimpleNamespace(options=make)

    def wait(self, running, timeout):
        self.most = max(self.most, len(running))
        return running[:1], running[1:]

    def get(self, task, timeout=None):
        return task()


def test_no_more_items_wait_than_there_are_workers():
    ray = StandIn()
    things = [Thing(str(number)) for number in range(20)]
    outcomes = work.run_items(
        Workforce(ray, 3, {"num_cpus": 1}), lambda one, _: Outcome(one.name, "done"), things
    )
    assert [one.name for one in outcomes] == [one.name for one in things] and ray.most == 3
    assert ray.options == [{"max_retries": work.RETRIES, "num_cpus": 1}]


def test_after_a_stop_nothing_new_begins():
    done = []
    outcomes = work.run_items(
        Workforce(StandIn(), 2, {}),
        lambda one, _: Outcome(one.name, "done"),
        [Thing(str(number)) for number in range(9)],
        done.append,
        stop=lambda: len(done) >= 3,
    )
    assert len(outcomes) == 4  # the three and the one that was running


def test_an_item_whose_workers_die_fails_with_a_reason():
    def die(one, _):
        raise BrokenPipeError

    (outcome,) = work.run_items(Workforce(StandIn(), 2, {}), die, [Thing("a")])
    assert outcome.state == "failed" and "died 4 times" in outcome.reason


def test_a_worker_tells_at_most_once_a_second_and_hears_whether_to_stop(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", StandIn())
    board, told = work.Board(), []

    def tell(name, share):
        told.append(share)
        return lambda: board.tell(name, share)

    teller = work.Teller(SimpleNamespace(tell=SimpleNamespace(remote=tell)), "a")
    teller.tell(0.1)
    teller.tell(0.2)
    assert told == [0.1] and not teller.hear() and board.read() == {"a": 0.1}
    board.stop()
    teller.last = 0.0  # a second later
    teller.tell(0.3)
    assert teller.hear() and board.read() == {"a": 0.3}


def test_a_signal_while_ray_begins_ends_in_order(monkeypatch):
    def begin(cluster):
        raise SystemExit(15)  # as Ray answers SIGTERM

    monkeypatch.setattr(display, "connect", begin)
    with pytest.raises(StoppedBySignal, match="repeat the command") as stopped:
        display.watch_items(Cluster(), lambda *_: None, [Thing("a")], [], "things")
    assert stopped.value.status == 143
