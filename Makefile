# Two commands for a fresh machine with Python >= 3.11: 'make demo' does the main job, 'make test' proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := .venv-runtime
MINIMUM := .venv-minimum
TESTERS := pytest pytest-xdist hypothesis setuptools
LOCK = $(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --constraint constraints.txt
PHOTO ?= examples/aitzgorri.jpg
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

.PHONY: demo test test-slow test-runtime test-minimum lint docs models cards notebook figures thesis hashes clean

# The environment: everything but GPU packages, from pinned versions and files of known hashes. Only
# PyTorch is installed by its version alone: its wheel without CUDA is not on PyPI, so a hash would
# forbid either that wheel or PyPI's. make TORCH_INDEX=https://download.pytorch.org/whl/cpu takes the
# one without CUDA, which saves gigabytes on Linux.
TORCH_INDEX ?=
$(VENV)/.ready: pyproject.toml constraints.txt requirements/all.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/all.txt
	$(BIN)/python -m pip install --quiet $(TORCH_INDEX:%=--index-url %) --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check
	touch $@

# A second environment without torch and onnx, as a user of a bundle has it.
$(RUNTIME)/.ready: pyproject.toml requirements/runtime.txt
	$(PYTHON) -m venv $(RUNTIME)
	$(RUNTIME)/bin/python -m pip install --quiet --require-hashes --requirement requirements/runtime.txt
	$(RUNTIME)/bin/python -m pip install --quiet --no-deps --no-build-isolation .
	$(RUNTIME)/bin/python -m pip check
	touch $@

# The hashes of what constraints.txt pins, looked up anew: to be run after a change of pins.
hashes: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet uv==0.13.9
	grep -v '^torch==' constraints.txt | $(LOCK) --no-deps --output-file requirements/all.txt -
	echo $(TESTERS) | tr ' ' '\n' | $(LOCK) --extra cpu --output-file requirements/runtime.txt pyproject.toml -
	echo setuptools | $(LOCK) --extra cpu --extra serve --output-file requirements/serve.txt pyproject.toml -

# A third one, with the oldest versions that pyproject.toml allows.
$(MINIMUM)/.ready: pyproject.toml constraints-minimum.txt
	$(PYTHON) -m venv $(MINIMUM)
	$(MINIMUM)/bin/python -m pip install --quiet --constraint constraints-minimum.txt '.[cpu]' pytest pytest-xdist hypothesis
	touch $@

# Node's ONNX Runtime for the example in docs/fused, and viewers of the service's tiles. Without npm
# or a network their tests are skipped.
node_modules/.ready:
	mkdir -p node_modules
	-command -v npm && npm install --no-save --no-package-lock --no-audit --no-fund --ignore-scripts onnxruntime-node@1.30.0
	-command -v npm && npm pack --silent --pack-destination node_modules openseadragon@6.1.1 mirador@4.0.0
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
	$(BIN)/pytest -m slow --numprocesses 2 --dist loadfile

# Tests the installed package, not the source tree: what a user gets from 'pip install .[cpu]'.
test-runtime: $(RUNTIME)/.ready
	rm -rf build
	$(RUNTIME)/bin/python -m pip install --quiet --no-deps --no-build-isolation --force-reinstall .
	! $(RUNTIME)/bin/python -c 'import torch' 2>/dev/null
	! $(RUNTIME)/bin/python -c 'import onnx' 2>/dev/null
	$(RUNTIME)/bin/pytest --numprocesses 2 --dist loadfile

test-minimum: $(MINIMUM)/.ready
	rm -rf build
	$(MINIMUM)/bin/python -m pip install --quiet --no-deps --force-reinstall .
	$(MINIMUM)/bin/pytest --numprocesses 2 --dist loadfile

# Every picture of the docs. Some need photographs that the repository does not hold: PHOTOS names
# a folder of them (examples/figures.py says which).
PHOTOS ?=
figures: cards notebook thesis
	$(BIN)/python examples/figures.py $(if $(PHOTOS),--photos $(PHOTOS))

# The thesis again, about 45 minutes of one core; stopped, it goes on when it is repeated.
thesis: $(VENV)/.ready
	$(BIN)/python examples/thesis.py build/thesis --page docs/thesis.md

# The docs as a site in docs/_build, which needs neither a network nor a server.
docs: $(VENV)/.ready
	$(BIN)/sphinx-build --quiet --fail-on-warning -c docs . docs/_build

# Trains the models of models/models.toml that have no bundle, about 90 s each.
models: $(VENV)/.ready
	$(BIN)/python examples/train_models.py

# The cards of all models: pictures, measures and pages; previews too, if the drawing has changed.
cards: $(VENV)/.ready
	$(BIN)/python examples/model_cards.py

notebook: $(VENV)/.ready
	$(BIN)/python examples/make_notebook.py

clean:
	rm -rf demo docs/_build node_modules $(VENV) $(RUNTIME) $(MINIMUM)
