# `make demo` and `make test` need Python 3.11 or later and make; the environment is built on first use in .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SERVERS := $(VENV)/.servers
WORKERS ?= 2

# One numerical thread a process: the tests run in parallel, and small models are slower with more.
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= $(OMP_NUM_THREADS)
export TOKENIZERS_PARALLELISM ?= false

.DEFAULT_GOAL := help
.PHONY: help install servers demo test validate lint clean

help: ## what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

install: $(INSTALLED) ## create .venv with the package (editable) and its pinned dependencies

# torch goes first and by itself, so that a CPU build is taken wherever pip is offered one.
$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or later is needed and neither python3.11 nor python3 was found." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: $(PYTHON) is older than Python 3.11. Name another: make PYTHON=/path/to/python3.11 install" >&2; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

servers: $(SERVERS) ## add the two model servers that tests ask; llama.cpp is compiled, which takes some minutes

# Compiled without what the tests do not need: vision, tools, and the last of its speed.
$(SERVERS): $(INSTALLED) tests/llama_cpp.cmake
	CMAKE_ARGS="-DLLAVA_BUILD=OFF -DCMAKE_C_FLAGS_RELEASE=-O1 -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
		-DCMAKE_PROJECT_llama.cpp_INCLUDE=$(CURDIR)/tests/llama_cpp.cmake" CMAKE_BUILD_PARALLEL_LEVEL=$(WORKERS) \
		$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev,server]'
	@touch $@

demo: $(INSTALLED) ## run three experiments on four populations and write reports/demo/report.html
	$(BIN)/replicator study demo --out reports/demo

test: $(INSTALLED) ## run the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope

# Hours: it may be stopped, and goes on where it stopped. `make validate ONLY=crra` makes a part.
validate: $(INSTALLED) ## calibration and recovery at scale, and docs/validation.md
	$(if $(ONLY),,$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -m validate)
	$(BIN)/python -m replicator.calibration $(addprefix --only ,$(ONLY))

lint: $(INSTALLED) ## ruff and mypy (strict on the package)
	$(BIN)/ruff check .
	$(BIN)/mypy

clean: ## remove what was built; keeps .venv and the reports
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find replicator tests -type d -name __pycache__ -prune -exec rm -rf {} +
