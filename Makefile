# The two commands a newcomer needs are `make demo` and `make test`; the rest serves maintenance.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint benchmark lock clean

demo: $(VENV)/.runtime  ## run the main job on a seeded example company, into demo/books.db
	@$(BIN)/crossfoot demo --out demo

test: $(VENV)/.dev  ## the whole test suite
	@$(BIN)/python -m pytest

lint: $(VENV)/.dev  ## style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

benchmark: $(VENV)/.dev  ## 100k and 1M events: the pipeline beside scripts written by hand
	@$(BIN)/python -m benchmarks.run

# Each stamp file says that the environment holds what its lock file names.
$(VENV)/.runtime: requirements.lock pyproject.toml setup.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked packages (once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "installing the locked packages for development (once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

lock:  ## resolve pyproject.toml anew; needs uv
	uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --no-annotate --python-version 3.11 --extra postgres pyproject.toml requirements-build.in -o requirements.lock
	uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --no-annotate --python-version 3.11 --extra postgres --extra dev -c requirements.lock pyproject.toml requirements-build.in -o requirements-dev.lock

clean:
	rm -rf $(VENV) demo build dist *.egg-info
