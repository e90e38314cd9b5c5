# The chores, one target each. Every target sets up what it needs in .venv from a lock file with
# hashes; nothing outside this directory is touched, but for Debian's PostGIS by `make bench`.

PYTHON ?= python3
ARGS ?=
VENV := .venv
# Tests that read the code, and tests that hold pages of docs against it.
DOCUMENTS := tests/unit/test_floors.py tests/unit/test_silenced.py tests/unit/test_changelog.py \
	tests/unit/cli/test_cli_reference.py tests/unit/geometry/test_conflict_cases_page.py
READY = @PYTHON="$(PYTHON)" sh scripts/environment $(VENV)

# A file's tests stay together, in one worker for each core: many share a node that is dear to
# start. The files come in their order, since the long ones, of whole nodes, stand at its beginning.
WORKERS ?= auto
PARALLEL = -n $(WORKERS) --dist loadfile --no-loadscope-reorder
OTHER = build/python-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
MINUTES ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo check test test-python browser sweep soak bench bench-declarations bench-versions lock clean

help: ## these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

demo: ## two parties, two nodes, a day of flights: the whole path (ARGS="--once", "--help", ...)
	$(READY) requirements.lock requirements-demo.lock
	@$(VENV)/bin/luftrom demo $(ARGS)

check: ## lint, types, floors and documents, in less than a minute
	$(READY) requirements-test.lock requirements-check.lock
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy --cache-dir build/mypy
	$(VENV)/bin/python -m pytest $(DOCUMENTS) $(ARGS)

test: ## unit, path and federation tests on all cores (ARGS="-k merkle" picks some)
	$(READY) requirements-test.lock
	$(VENV)/bin/python -m pytest $(PARALLEL) -m "not slow and not browser" $(ARGS)

test-python: ## unit tests on another Python, those of MINUTES=3 (PYTHON=python3.13)
	@mkdir -p build
	@PYTHON="$(PYTHON)" sh scripts/environment $(OTHER) requirements-test.lock
	$(OTHER)/bin/python -m pytest $(PARALLEL) --minutes $(MINUTES) -m "not slow and not browser" \
		tests/unit $(ARGS)

browser: ## both consoles in headless Chromium; it must be installed
	$(READY) requirements-test.lock requirements-demo.lock
	$(VENV)/bin/python -m pytest -m browser $(ARGS)

sweep: ## more schedules, pairs and rounds than the default tests
	$(READY) requirements-test.lock
	$(VENV)/bin/python -m pytest $(PARALLEL) -m "slow and not soak and not browser" $(ARGS)

soak: ## the rest of the slow ones, a thousand kills among them: two hours and more
	$(READY) requirements-test.lock
	$(VENV)/bin/python -m pytest -m soak $(ARGS)

bench: ## the conflict engine against its peers, which are installed; root adds PostGIS
	@mkdir -p build
	@PYTHON="$(PYTHON)" sh scripts/environment build/bench requirements.lock
	@build/bench/bin/python bench/install.py
	build/bench/bin/python bench/engine.py $(ARGS)

bench-declarations: ## declarations a second through two nodes, against the machine's limits
	$(READY) requirements.lock
	$(VENV)/bin/python bench/declarations.py $(ARGS)

bench-versions: ## the same, this version beside another: ARGS=CHECKOUT
	$(READY) requirements-test.lock
	$(VENV)/bin/python bench/versions.py $(ARGS)

lock: ## compute the lock files anew from pyproject.toml
	@PYTHON="$(PYTHON)" sh scripts/lock

clean: ## remove what the targets made, .venv included
	rm -rf $(VENV) build dist demo-data .pytest_cache .ruff_cache .hypothesis .schemathesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
