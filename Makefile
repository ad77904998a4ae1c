# demo, test, lint, bench: each sets up what it needs in .venv and build/.  Needs Python 3.10+, a C compiler and git.
#
#   make demo               the drawing classifier learns your stickers (MODEL=path for another model)
#   make stickers           a page to draw on, that learns what you draw; ARGS="--host 0.0.0.0" for phones
#   make test               all tests; ORACLES=1 adds PyTorch, ONNX Runtime and coremltools as oracles
#   make lint               linters, types, and the C library without a warning under gcc and clang
#   make check              the kernel checker at every level of this CPU; CROSS=1 also for ARM under an emulator
#   make sanitize           the C library and the tests under the address and undefined-behaviour sanitizers
#   make bench              speed, here and against other runtimes
#   make conformance        coremltools' own tests, run against pyruntime; ARGS="all --write" writes docs/conformance.md

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ORACLES ?=
SOURCES := $(shell find csrc pyruntime tools/sources.py meson.build meson.options pyproject.toml -type f -not -name '*.pyc' 2>/dev/null)

.PHONY: demo stickers test lint check sanitize bench conformance install clean
.DEFAULT_GOAL := install

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 10) else None'
	@$(PYTHON) -m venv $(VENV) || { echo "Could not make a virtual environment; on Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/python -c 'import os, sys, sysconfig; p = sysconfig.get_path("include"); os.path.exists(p + "/Python.h") or sys.exit(f"{p}/Python.h is missing; on Debian: apt install python3-dev")'
	@$(BIN)/python -m pip install -q --upgrade pip

# The package, built and installed as a user gets it, not editable.
$(VENV)/installed: $(BIN)/python $(SOURCES)
	@echo "Building and installing pyruntime …"
	@$(BIN)/pip install -q -Cbuild-dir=build/package '.[progress]'
	@cp build/package/_native.abi3.so pyruntime/native/   # so that Python started in this folder finds it too
	@touch $@

$(VENV)/test-tools$(ORACLES): $(VENV)/installed pyproject.toml
	@echo "Installing the tests' tools …"
	@$(BIN)/pip install -q --group test $(if $(ORACLES),--group oracles)
	@touch $@

$(VENV)/build-tools: $(BIN)/python pyproject.toml
	@$(BIN)/pip install -q --group build
	@touch $@

$(VENV)/lint-tools: $(VENV)/build-tools
	@$(BIN)/pip install -q --group lint
	@touch $@

install: $(VENV)/installed

demo: $(VENV)/installed
	@$(BIN)/python examples/stickers/demo.py $(if $(MODEL),--model $(MODEL))

stickers: $(VENV)/installed
	@$(BIN)/python examples/stickers/serve.py $(ARGS)

test: $(VENV)/test-tools$(ORACLES) $(VENV)/build-tools
	$(BIN)/pytest $(ARGS)

check: $(VENV)/build-tools
	$(BIN)/python tools/check.py
	$(if $(CROSS),$(BIN)/python tools/check.py --target aarch64-linux-gnu --cpu cortex-a53 --cpu cortex-a72 --cpu cortex-a76)

lint: $(VENV)/lint-tools $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python tools/compilers.py

sanitize: $(VENV)/test-tools$(ORACLES) $(VENV)/build-tools
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python tools/sanitize.py $(ARGS)

bench: $(VENV)/installed
	@$(BIN)/pip install -q --group test --group bench
	$(BIN)/python benchmarks $(ARGS)

conformance: $(BIN)/python
	$(BIN)/python tools/conformance $(ARGS)

clean:
	rm -rf build build-* dist $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks demo-output
