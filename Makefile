# make run: set up, then the main job. make test: set up for development, then the fast suite.
# The virtual environment is brought up to date when pyproject.toml or requirements.lock changes. `make setup` installs what runs
# need; `make setup-dev` adds what tests and `make lint` need: the extra `dev`, with Ray, the solvers of `jd` and all other extras.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
export PATH := $(BIN):$(PATH)
# No statistics about use leave this machine: dvc's switch is in .dvc/config, the others read these.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export GX_ANALYTICS_ENABLED := false
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: run run-generation study setup setup-dev test test-slow coverage lint docs sbom audit clean

run: setup
	mgm run

run-generation: setup
	mgm generate

study: setup
	mgm study

setup: $(READY)

setup-dev: $(READY_DEV)

$(READY): pyproject.toml requirements.lock setup.py $(wildcard mgm/native/sources/*) mgm/native/build.py
	$(PYTHON) -m venv $(VENV)
	pip install --quiet --upgrade pip
	pip install --quiet -c requirements.lock torch
	pip install --quiet -c requirements.lock -e .
	touch $@

$(READY_DEV): $(READY)
	pip install --quiet -c requirements.lock -e '.[dev]'
	touch $@

# Three workers on two cores, since tests also wait: for processes that they start, servers and schedules. Each takes about 1 GB.
WORKERS := 3

test: setup-dev
	pytest -m 'not slow and not network' -n $(WORKERS)

test-slow: setup-dev
	pytest -m 'slow or network' -n $(WORKERS) --dist worksteal

# the share of lines and branches that the fast tests run
coverage: setup-dev
	pytest -m 'not slow and not network' -n $(WORKERS) --cov=mgm --cov=flows --cov-branch --cov-report=term:skip-covered

lint: setup-dev
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	python -m flows.stage_dependencies --check
	python -m flows.project_template --check
	python -m flows.params_schema --check
	python -m docs._generate.readme --check

# the site of documents, which opens without a server: site/index.html
docs: setup-dev
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

# the tools of sbom and audit have an environment of their own, so that they do not list themselves
AUDIT := $(VENV)-audit
$(AUDIT)/.ready: requirements.lock
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/pip install --quiet -c requirements.lock cyclonedx-bom pip-audit
	touch $@

# the bill of materials of what is installed: CycloneDX, in reports/sbom.json
sbom: setup $(AUDIT)/.ready
	$(AUDIT)/bin/cyclonedx-py environment $(VENV)/bin/python --pyproject pyproject.toml --output-reproducible -o reports/sbom.json

# known vulnerabilities of what is installed; fails where no advisory database is reached. A build's name such as +cpu is no version there
audit: setup $(AUDIT)/.ready
	pip freeze --exclude-editable | sed 's/+[a-z0-9.]*$$//' > $(AUDIT)/installed.txt
	$(AUDIT)/bin/pip-audit --strict --no-deps --disable-pip -r $(AUDIT)/installed.txt

clean:
	rm -rf $(VENV) $(AUDIT) .prefect data/documents data/clean data/tokens data/content data/features data/predictions data/rejects
