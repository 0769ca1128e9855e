"""Exactly one flavour of ONNX Runtime is installed, or a clear error says so."""

import sys
from importlib import metadata

import pytest

from singan_core.errors import InstallError
from singan_runtime import providers


def pretend_installed(monkeypatch, *names):
    real = metadata.distribution

    def distribution(name):
        if name in providers.FLAVOURS and name not in names:
            raise metadata.PackageNotFoundError(name)
        return real("numpy") if name in names else real(name)

    monkeypatch.setattr(metadata, "distribution", distribution)


def test_without_any_flavour_the_pip_line_is_named(monkeypatch):
    pretend_installed(monkeypatch)
    with pytest.raises(
        InstallError, match=r"not installed; run: pip install onnxruntime \(singan's extra cpu\)"
    ):
        providers.import_onnxruntime()


@pytest.mark.parametrize(
    "other", ["onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml"]
)
def test_two_flavours_at_once_are_refused_with_the_line_that_mends_it(monkeypatch, other):
    pretend_installed(monkeypatch, "onnxruntime", other)
    mend = rf"run: pip uninstall -y onnxruntime {other} && pip install '?{other}"
    with pytest.raises(InstallError, match=rf"onnxruntime and {other} are both installed .*{mend}"):
        providers.import_onnxruntime()


@pytest.mark.parametrize("only", providers.FLAVOURS)
def test_one_flavour_is_enough(monkeypatch, only):
    pretend_installed(monkeypatch, only)
    assert providers.list_installed() == [only]
    assert providers.import_onnxruntime().InferenceSession


def test_a_broken_installation_is_said(monkeypatch):
    pretend_installed(monkeypatch, "onnxruntime")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(
        InstallError, match=r"cannot be imported .* run: pip install --force-reinstall onnxruntime"
    ):
        providers.import_onnxruntime()
