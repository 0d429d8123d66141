# Two commands do everything: `make demo` and `make test`. Needs Python 3.11+ and make, nothing else.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
UV := $(VENV)/bin/uv
STAMP := $(VENV)/.locked
ARGS ?=

export UV_PROJECT_ENVIRONMENT := $(CURDIR)/$(VENV)
export UV_NO_PROGRESS := 1
export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test check format bench web clean

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(STAMP)  ## install the locked dependencies into .venv

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("contactline needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Run: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml uv.lock | $(VENV)/bin/python
	@echo "installing locked dependencies into $(VENV) (about a minute the first time)"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(UV) sync --quiet --frozen --inexact --python $(VENV)/bin/python
	@touch $@

demo: $(STAMP)  ## simulate a day, detect, file cases, report, then serve (ARGS=--no-serve stops before)
	@$(VENV)/bin/contactline demo $(ARGS)

serve: $(STAMP)  ## serve the home in ./contactline-home
	@$(VENV)/bin/contactline serve $(ARGS)

test: $(STAMP)  ## the test suite
	@$(VENV)/bin/python -m pytest $(ARGS)

check: $(STAMP)  ## format, lint, strict types, import contracts
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

format: $(STAMP)  ## format and sort imports
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

bench: $(STAMP)  ## ours beside shapely, geopandas, SedonaDB, DuckDB, PostGIS: locate and crossings (ARGS=--vertices 1e3)
	@UV_PROJECT_ENVIRONMENT=$(CURDIR)/$(VENV)-bench $(UV) sync --quiet --frozen --group benchmark --python $(VENV)/bin/python
	@$(VENV)-bench/bin/python -m tests.benchmarks.locate $(ARGS)
	@$(VENV)-bench/bin/python -m tests.benchmarks.crossings $(ARGS)

web:  ## rebuild the workspace's bundle (needs Node 20.19 or newer; users do not)
	@cd api/web && npm ci --no-audit --no-fund && npm run check && npm run build

clean:  ## remove what make made
	rm -rf $(VENV) $(VENV)-bench .pytest_cache .mypy_cache .ruff_cache .hypothesis
