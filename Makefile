# The two commands a newcomer needs are `make demo` and `make test`; the rest serves maintenance.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test erp-test flink-test prism lint benchmark fuzz lock clean

demo: $(VENV)/.runtime  ## run the main job on a seeded example company, into demo/books.db
	@$(BIN)/crossfoot demo --out demo

test: $(VENV)/.dev  ## the whole test suite
	@$(BIN)/python -m pytest

erp-test: $(VENV)/.dev .erp/.ready  ## deliver to a real Tryton on PostgreSQL and compare trial balances
	@$(BIN)/python -m pytest -m erp tests/erp

flink-test: EVENTS ?= 100000
flink-test: $(VENV)/.dev  ## jobs on a real Flink cluster, which needs Java, Maven and pip
	@CROSSFOOT_LIVE_EVENTS=$(EVENTS) $(BIN)/python -m pytest -rs tests/live/test_flink.py \
		tests/live/test_flink_many.py tests/live/test_bounded_engines.py

prism:  ## build Prism, the engine for live jobs on this machine, into .work/downloads/bin; needs Go
	@mkdir -p .work/downloads/bin
	GOBIN=$(CURDIR)/.work/downloads/bin go install github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0
	@mv .work/downloads/bin/prism .work/downloads/bin/prism-2.77.0

lint: $(VENV)/.dev  ## style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

benchmark: $(VENV)/.dev  ## 100k and 1M events: the pipeline beside scripts written by hand
	@$(BIN)/python -m benchmarks.run

fuzz: $(VENV)/.dev  ## 100k damaged messages per format through the decoders
	@CROSSFOOT_FUZZ_MESSAGES=100000 $(BIN)/python -m pytest tests/fuzzing

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

# Tryton has an environment of its own: it is the other side, not a part of us.
.erp/.ready: requirements-erp.lock
	@mkdir -p .erp
	@test -x .erp/venv/bin/python || $(PYTHON) -m venv .erp/venv
	@echo "installing Tryton (once)"
	@.erp/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-erp.lock
	@touch $@

lock:  ## resolve pyproject.toml anew; needs uv
	uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --no-annotate --python-version 3.11 --extra postgres pyproject.toml requirements-build.in -o requirements.lock
	uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --no-annotate --python-version 3.11 --extra postgres --extra dev -c requirements.lock pyproject.toml requirements-build.in -o requirements-dev.lock
	uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --no-annotate --python-version 3.11 requirements-erp.in -o requirements-erp.lock

clean:
	rm -rf $(VENV) .erp demo build dist *.egg-info
