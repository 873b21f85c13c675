# Two commands lead a newcomer: make demo, make test. Everything builds its own environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test check lint types contracts bench simulate soak lowest wheel-test clean
.DEFAULT_GOAL := demo

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/.ready  ## Copy a leader's day to two followers, on this machine alone.
	@rm -rf var/demo
	@$(BIN)/copyctl run --rules rules/demo.yaml

test: $(VENV)/.ready  ## Every test.
	$(BIN)/python -m pytest -n 5 --dist loadgroup

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready
	$(BIN)/mypy

contracts: $(VENV)/.ready  ## Who may import whom (docs/house.md).
	$(BIN)/lint-imports

check: lint types contracts test

bench: $(VENV)/.ready  ## Ratios within one run, on this machine.
	$(BIN)/python -m tests.bench

SEEDS ?= 1000
JOBS ?= 2
simulate: $(VENV)/.ready  ## So many trading days with a seeded adversary; make simulate SEEDS=20000
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --jobs $(JOBS)

soak: $(VENV)/.ready  ## Five trading days in minutes on the real processes, with a kill -9 a day and without.
	$(BIN)/python -m tests.soak
	$(BIN)/python -m tests.soak --unbroken

TESTS ?=
LOWEST := $(VENV)-lowest
lowest: $(VENV)/.ready  ## Every test with the oldest versions that pyproject.toml allows; make lowest TESTS=tests/cli
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(LOWEST)
	$(BIN)/uv pip compile --quiet --python $(LOWEST)/bin/python --resolution lowest-direct pyproject.toml --output-file $(LOWEST)/versions.txt
	$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --constraint $(LOWEST)/versions.txt --editable '.[dev]'
	$(LOWEST)/bin/python -m pytest -n 2 --dist loadgroup $(TESTS)

wheel-test: $(VENV)/.ready  ## Every test on the wheel, with the source out of reach; make wheel-test PYTHON=python3.13
	PATH="$(abspath $(BIN)):$$PATH" PYTHON=$(PYTHON) .ci/wheel-test $(TESTS)

clean:
	rm -rf $(VENV) $(LOWEST) var dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
