# The environment is made from nothing but Python 3.11 or newer, git and make: `make PYTHON=python3.12` takes another Python.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
READY   := $(VENV)/.ready-$(VERSION)
INTERPRETER := $(BIN)/python$(or $(VERSION),-none)
PIP     := $(BIN)/python -m pip --disable-pip-version-check -qq

.PHONY: demo test lint types contracts tests check-fast update format lock docs bench clean env
.NOTPARALLEL:

demo: $(READY)                  ## the whole story in a temporary folder
	@$(BIN)/gitconfigmgr demo

test: lint types contracts tests  ## everything that has to hold before a change lands

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports

tests: $(READY)
	$(BIN)/pytest -n auto

check-fast: $(READY)            ## the core tests only, in less than a minute
	$(BIN)/ruff check .
	$(BIN)/pytest -n auto -q -m "not slow" --ignore tests/properties

update: $(READY)                ## rewrites the expected outputs; read the diff before you commit it
	GCM_UPDATE=1 $(BIN)/pytest -n auto -q -m golden

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)                  ## rewrites the generated pages of docs/
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/record.py

bench: $(READY)
	$(BIN)/python -m benchmarks

# `make lock` keeps the locked versions that still fit; `make lock UPGRADE=--upgrade` takes the newest
lock: $(INTERPRETER)
	$(PIP) install uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 $(UPGRADE) \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--system-certs --overrides requirements/overrides.txt --group dev -o requirements/ci.txt pyproject.toml requirements/build.in

env: $(READY)

$(READY): pyproject.toml requirements/ci.txt | $(INTERPRETER)
	@echo "installing into $(VENV)" >&2
	@$(PIP) --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@$(PIP) install --no-deps -r requirements/ci.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(INTERPRETER):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "error: gitconfigmgr needs Python 3.11 or newer; '$(PYTHON)' is $(or $(VERSION),not there)"; \
		echo "hint: name another one: make PYTHON=python3.12"; exit 1; } >&2
	$(PYTHON) -m venv --clear $(VENV)

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
