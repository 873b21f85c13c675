# Two commands lead a newcomer: make demo, make test. Everything builds its own environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test check lint types contracts docs docs-serve reference screens bench simulate soak
.PHONY: lowest wheel-test lock audit sbom clean
.DEFAULT_GOAL := demo

PIP := -m pip --disable-pip-version-check
$(VENV)/.ready: pyproject.toml locks/dev.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) install --quiet --require-hashes --requirement locks/dev.lock
	$(BIN)/python $(PIP) install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python $(PIP) check
	@touch $@

demo: $(VENV)/.ready  ## Copy a leader's day to two followers, on this machine alone.
	@rm -rf var/demo
	@$(BIN)/copyctl run --rules rules/demo.yaml

test: $(VENV)/.ready  ## Every test.
	$(BIN)/python -m pytest -n 7 --dist loadgroup

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready
	$(BIN)/mypy

contracts: $(VENV)/.ready  ## Who may import whom (docs/house.md).
	$(BIN)/lint-imports

check: lint types contracts test

docs: $(VENV)/.ready  ## The documentation as a site: var/site/index.html.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-serve: $(VENV)/.ready  ## The same on this machine, anew with each change.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict

reference: $(VENV)/.ready  ## The pages that are written by the program.
	$(BIN)/python -m docs.making.commands > docs/commands.md
	$(BIN)/python -m docs.making.metrics > docs/metrics.md
	$(BIN)/copyctl schema rules --format markdown > docs/rules.md
	$(BIN)/copyctl schema store --format markdown > docs/data-model.md
	$(BIN)/copyctl explain --codes --format markdown > docs/codes.md
	$(BIN)/copyctl explain --alerts --format markdown > docs/alerts.md
	$(BIN)/python -m copyctl.cli.lint_pages docs/lint

screens: $(VENV)/.ready  ## The screens and charts of the pages, from a run of the demo.
	$(BIN)/python -m docs.making.screens docs/screens

bench: $(VENV)/.ready  ## Ratios within one run, on this machine.
	$(BIN)/python -m tests.bench

SEEDS ?= 1000
JOBS ?= 2
simulate: $(VENV)/.ready  ## So many trading days with a seeded adversary; make simulate SEEDS=20000
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --jobs $(JOBS)

soak: $(VENV)/.ready  ## Five trading days in minutes on the real processes, with a kill -9 a day and without.
	$(BIN)/python -m tests.soak
	$(BIN)/python -m tests.soak --unbroken

SUPPLY := $(VENV)-supply
$(SUPPLY)/.ready: $(VENV)/.ready locks/supply.lock
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SUPPLY)
	$(BIN)/uv pip install --quiet --system-certs --python $(SUPPLY)/bin/python --require-hashes --requirement locks/supply.lock
	@touch $@

UV := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --system-certs
lock: $(VENV)/.ready  ## The newest versions that pyproject.toml allows, with their hashes.
	$(UV) --upgrade pyproject.toml -o locks/run.lock
	$(UV) --upgrade --constraint locks/run.lock --extra dev pyproject.toml -o locks/dev.lock
	$(UV) --upgrade --group pyproject.toml:supply -o locks/supply.lock

audit: $(SUPPLY)/.ready  ## Known vulnerabilities of what is locked: asks PyPI.
	$(SUPPLY)/bin/python .ci/audit locks/dev.lock locks/supply.lock

sbom: $(VENV)/.ready $(SUPPLY)/.ready  ## What the wheel brings with it (CycloneDX), in dist.
	.ci/sbom $(BIN) $(SUPPLY)/bin

TESTS ?=
LOWEST := $(VENV)-lowest
lowest: $(VENV)/.ready  ## Every test with the oldest versions that pyproject.toml allows; make lowest TESTS=tests/cli
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(LOWEST)
	$(BIN)/uv pip compile --quiet --python $(LOWEST)/bin/python --resolution lowest-direct pyproject.toml --output-file $(LOWEST)/versions.txt
	$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --constraint $(LOWEST)/versions.txt --editable '.[dev]'
	$(LOWEST)/bin/python -m pytest -n 7 --dist loadgroup $(TESTS)

wheel-test: $(VENV)/.ready  ## Every test on the wheel, with the source out of reach; make wheel-test PYTHON=python3.13
	PATH="$(abspath $(BIN)):$$PATH" PYTHON=$(PYTHON) .ci/wheel-test $(TESTS)

clean:
	rm -rf $(VENV) $(LOWEST) $(SUPPLY) var dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
