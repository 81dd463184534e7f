# make run: set up, then the main job. make test: set up, then the fast suite.
# The virtual environment is made anew when pyproject.toml or requirements.lock changes.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
export PATH := $(BIN):$(PATH)
# No statistics about use leave this machine: dvc's switch is in .dvc/config, the others read these.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export GX_ANALYTICS_ENABLED := false
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: run run-generation study setup test test-slow coverage lint clean

run: setup
	mgm run

run-generation: setup
	mgm generate

study: setup
	mgm study

setup: $(READY)

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	pip install --quiet --upgrade pip
	pip install --quiet -c requirements.lock torch
	pip install --quiet -c requirements.lock -e '.[dev,s3]'
	touch $@

test: setup
	pytest -m 'not slow and not network' -n 2

test-slow: setup
	pytest -m 'slow or network' -n 2 --dist worksteal

# the share of lines and branches that the fast tests run
coverage: setup
	pytest -m 'not slow and not network' -n 2 --cov=mgm --cov=flows --cov-branch --cov-report=term:skip-covered

lint: setup
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	python -m flows.stage_dependencies --check
	python -m flows.params_schema --check

clean:
	rm -rf $(VENV) .prefect data/documents data/clean data/tokens data/content data/features data/predictions data/rejects
