# Two commands for a fresh machine with Python >= 3.11: 'make demo' does the main job, 'make test' proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := .venv-runtime
MINIMUM := .venv-minimum
PHOTO ?= examples/aitzgorri.jpg
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

.PHONY: demo test test-slow test-runtime test-minimum lint pictures clean

# The environment: everything but GPU packages, from pinned versions.
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu,media,heic,dataset,export,plot,tensorboard,serve,dev]'
	touch $@

# A second environment without torch and onnx, as a user of a bundle has it.
$(RUNTIME)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(RUNTIME)
	$(RUNTIME)/bin/python -m pip install --quiet --constraint constraints.txt '.[cpu]' pytest pytest-xdist hypothesis
	touch $@

# A third one, with the oldest versions that pyproject.toml allows.
$(MINIMUM)/.ready: pyproject.toml constraints-minimum.txt
	$(PYTHON) -m venv $(MINIMUM)
	$(MINIMUM)/bin/python -m pip install --quiet --constraint constraints-minimum.txt '.[cpu]' pytest pytest-xdist hypothesis
	touch $@

# Node's ONNX Runtime for the example in docs/fused; without npm or a network its test is skipped.
node_modules/.ready:
	mkdir -p node_modules
	-command -v npm && npm install --no-save --no-package-lock --no-audit --no-fund --ignore-scripts onnxruntime-node@1.30.0
	touch $@

demo: $(VENV)/.ready
	$(BIN)/python examples/demo.py $(PHOTO) demo

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Two processes, each with whole files: tests of a file share what it trained.
test: lint node_modules/.ready
	$(BIN)/pytest --numprocesses 2 --dist loadfile

test-slow: $(VENV)/.ready
	$(BIN)/pytest -m slow

# Tests the installed package, not the source tree: what a user gets from 'pip install .[cpu]'.
test-runtime: $(RUNTIME)/.ready
	rm -rf build
	$(RUNTIME)/bin/python -m pip install --quiet --no-deps --force-reinstall .
	! $(RUNTIME)/bin/python -c 'import torch' 2>/dev/null
	! $(RUNTIME)/bin/python -c 'import onnx' 2>/dev/null
	$(RUNTIME)/bin/pytest --numprocesses 2 --dist loadfile

test-minimum: $(MINIMUM)/.ready
	rm -rf build
	$(MINIMUM)/bin/python -m pip install --quiet --no-deps --force-reinstall .
	$(MINIMUM)/bin/pytest --numprocesses 2 --dist loadfile

# The pictures of the README, from the bundle that the repository ships.
pictures: $(VENV)/.ready
	$(BIN)/python examples/readme_pictures.py models/aitzgorri $(PHOTO) docs/pictures

clean:
	rm -rf demo node_modules $(VENV) $(RUNTIME) $(MINIMUM)
