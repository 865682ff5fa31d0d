# Every command a person or CI needs. `make demo` and `make test` set themselves up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests of processes wait more than they compute; a file stays together, as its Ray is shared.
SIDE_BY_SIDE := -n 2 --dist loadfile

.PHONY: setup demo demo-mipro test test-unit check format bench bench-simulation bench-coordinator bench-gepa bench-rollouts bench-tpe bench-mipro bench-gateway bench-soak bench-page clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "ray_promptopt needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing ray_promptopt and what it needs into $(VENV) (about two minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup
	@$(BIN)/ray-promptopt demo

demo-mipro: setup
	@$(BIN)/ray-promptopt run configs/intents_mipro.toml

test: setup
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)

test-unit: setup
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) tests/unit tests/contract

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: bench-simulation bench-coordinator bench-gepa bench-rollouts bench-tpe bench-mipro bench-gateway bench-soak bench-page

bench-simulation: setup
	@$(BIN)/python -m benchmarks.simulation.compare

bench-coordinator: setup
	@$(BIN)/python -m benchmarks.coordinator

bench-gepa: setup
	@$(BIN)/python -m benchmarks.gepa_vs_reference
	@$(BIN)/python -m benchmarks.gepa_vs_reference --max-concurrent 64 --budget 3000
	@$(BIN)/python -m benchmarks.gepa_vs_reference --over-http --seeds 3

bench-rollouts: setup
	@$(BIN)/python -m benchmarks.rollouts

bench-tpe: setup
	@$(BIN)/python -m benchmarks.tpe

bench-mipro: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dspy]'
	@$(BIN)/python -m benchmarks.mipro_vs_dspy

bench-gateway: setup
	@$(BIN)/python -m benchmarks.gateway

bench-soak: setup
	@$(BIN)/python -m benchmarks.soak

bench-page: setup
	@$(BIN)/python -m benchmarks.page

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
