# `make help` lists what there is. Everything is built in .venv from the hash-locked files.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8181

.PHONY: help run test check bench clean

help:  ## list the targets
	@grep -hE '^[a-z.]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

.venv: .venv/.runtime  ## build the virtual environment

.venv/.runtime: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ .venv/.runtime

run: .venv/.runtime  ## serve the demo on http://127.0.0.1:8181
	$(BIN)/pdp serve --demo --port $(PORT)

check: .venv/.dev  ## format, lint, types, imports, file lengths and the fast tests
	$(BIN)/ruff format --check pdp tests scripts examples
	$(BIN)/ruff check pdp tests scripts examples
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_lengths.py
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow" --hypothesis-profile=fast

test: .venv/.dev  ## install what the tests need and run every test
	scripts/test-packages wrk
	$(BIN)/pytest -q -n 2

bench: .venv/.dev  ## the benchmarks, each with its ratio to a ceiling of the same run
	scripts/test-packages wrk
	$(BIN)/python -m bench
	$(BIN)/python -m bench.requests
	$(BIN)/python -m bench.deferral

clean:  ## remove what was built
	rm -rf .venv .node .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf examples/*/node_modules* examples/*/data
