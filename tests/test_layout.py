"""Imports go one way: core <- train, core <- runtime, all three <- export, all <- cli."""

import ast
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = {"filelock", "numpy", "PIL", "msgspec", "singan_core"}
ALLOWED = {
    "singan_core": CORE | {"pi_heif"},
    "singan_train": CORE | {"singan_train", "torch", "safetensors", "matplotlib"},
    "singan_runtime": CORE
    | {"singan_runtime", "onnxruntime", "imageio_ffmpeg", "tifffile", "pycocotools"},
    "singan_export": CORE
    | {"singan_train", "singan_runtime", "singan_export"}
    | {"torch", "onnx", "onnxruntime", "safetensors", "tensorrt"},
    "singan_runtime/serve": CORE
    | {"singan_runtime", "starlette", "uvicorn", "prometheus_client"},
    "cli": CORE
    | {"singan_cli", "singan_train", "singan_runtime", "singan_export"}
    | {"typer", "rich", "torch", "ray"},
}  # fmt: skip


def imports_of(source):
    """Top-level names of everything that a source imports, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where an arrow goes"
            yield (node.module or "").partition(".")[0]


def forbidden(package, source):
    return set(imports_of(source)) - ALLOWED[package] - set(sys.stdlib_module_names)


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_follow_the_table(package):
    files = list((ROOT / package).rglob("*.py"))
    assert files
    own = [ROOT / other for other in ALLOWED if other.startswith(f"{package}/")]
    for path in files:
        if any(path.is_relative_to(folder) for folder in own):
            continue  # a part with a line of its own in the table
        assert not forbidden(package, path.read_text(encoding="utf-8")), path


def test_the_table_would_notice_an_arrow_that_goes_back():
    assert forbidden("singan_core", "def f():\n    import torch") == {"torch"}
    assert forbidden("singan_train", "from singan_runtime import Sampler") == {"singan_runtime"}
    assert forbidden("singan_runtime", "import onnx.helper as h") == {"onnx"}
    assert not forbidden("singan_export", "import torch, onnx, json")


def test_heavy_packages_wait_inside_the_commands():
    """At the top of the command line's modules stand only packages that --help can afford."""
    for path in (ROOT / "cli").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = ast.Module(
            [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], []
        )
        assert not {"torch", "singan_export", "rich"} & set(imports_of(ast.unparse(top))), path


def test_no_command_imports_another_command():
    """What commands share has a module of its own."""
    folder = ROOT / "cli" / "singan_cli"
    sources = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    commands = {name for name, source in sources.items() if "\ndef command(" in source}
    assert len(commands) >= 16
    for name in commands:
        for node in ast.walk(ast.parse(sources[name])):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("singan_cli"):
                imported = {*node.module.split("."), *(alias.name for alias in node.names)}
                assert not imported & commands, name


def test_no_top_level_module_called_cli_is_installed():
    files = metadata.distribution("singan").files or []
    assert not any(str(file).startswith("cli/") for file in files)
    names = (metadata.distribution("singan").read_text("top_level.txt") or "").split()
    assert set(names) == {
        "singan_core",
        "singan_train",
        "singan_export",
        "singan_runtime",
        "singan_cli",
    }


def test_no_file_can_run_code_when_it_is_loaded():
    for package in ALLOWED:
        for path in (ROOT / package).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            assert "pickle" not in set(imports_of(source)), path
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                    assert "weights_only=True" in ast.unparse(node), path
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.load":
                    allow = {word.arg: ast.unparse(word.value) for word in node.keywords}.get(
                        "allow_pickle"
                    )
                    assert allow == "False", path


def test_every_package_is_installed():
    """A folder that pyproject.toml does not list works here, and is missing for a user."""
    import tomllib

    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    found = [
        path.parent.relative_to(ROOT)
        for top in ALLOWED
        for path in (ROOT / top).rglob("__init__.py")
    ]
    names = {".".join(folder.parts).removeprefix("cli.") for folder in found}
    assert names == listed


def test_every_package_that_all_users_install_is_imported():
    import tomllib

    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    modules = {name.partition(">")[0] for name in named} - {"Pillow"} | {"PIL"}
    used = set()
    for package in ALLOWED:
        used |= {
            name
            for path in (ROOT / package).rglob("*.py")
            for name in imports_of(path.read_text("utf-8"))
        }
    assert modules <= used


def test_every_target_that_the_makefile_names_has_a_rule():
    lines = (ROOT / "Makefile").read_text().splitlines()
    named = next(line for line in lines if line.startswith(".PHONY:")).split()[1:]
    rules = {line.partition(":")[0] for line in lines if ":" in line and not line.startswith("\t")}
    assert set(named) <= rules


def test_every_package_says_that_it_is_typed():
    import tomllib

    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-data"
    ]
    for package in ("singan_core", "singan_train", "singan_export", "singan_runtime", "singan_cli"):
        folder = ROOT / ("cli/singan_cli" if package == "singan_cli" else package)
        assert (folder / "py.typed").exists() and "py.typed" in data[package]
