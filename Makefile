# Every command builds what it needs first: `make demo` on a fresh machine is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUN := $(VENV)/.run.stamp
DEV := $(VENV)/.dev.stamp

# Kept bytecode halves the time in which tests are collected and takes a third off that of every process they start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo up test coverage lint format reference reliability soak bench bench-peers clean upgrade-constraints

help: ## Show these lines
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-20s %s\n' "$$name" "$$text"; done

CRM ?= hubspot
demo: $(RUN) ## Install, run the whole relay on a sandbox, show what it did (CRM=salesforce, CRM=both)
	$(BIN)/tasuki demo --crm $(CRM)

up: $(RUN) ## The same, kept running to play with
	$(BIN)/tasuki up

WORKERS ?= 2
test: $(DEV) ## Import rules and every test but the soak (WORKERS=3 fills the waits of tests that kill processes)
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

coverage: $(DEV) ## The same tests with coverage: two to three times as long
	rm -rf .coverage.d && mkdir .coverage.d
	$(BIN)/coverage run -m pytest -n 2 --dist worksteal; status=$$?; \
	$(BIN)/coverage combine --quiet && $(BIN)/coverage report && exit $$status

lint: $(DEV) ## Style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV) ## Put the code into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: $(RUN) ## Write the schema and the pages of docs/policy anew from the models that read the YAML
	$(BIN)/tasuki schema --write mappings/schema
	$(BIN)/tasuki reference docs/policy

reliability: $(DEV) ## Run what shows the promises and faults, and write docs/reliability.md from it
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "fault and not soak" --reliability=docs/reliability.json; \
	status=$$?; $(BIN)/python -m tests.faults.report && exit $$status

soak: $(DEV) ## The long runs: kill -9 in a loop, hours of traffic; docs/reliability.md tells what came of them
	$(BIN)/python -m pytest -m soak --timeout 7200 --hypothesis-profile soak --reliability=docs/reliability.json; \
	status=$$?; $(BIN)/python -m tests.faults.report && exit $$status

bench: $(DEV) ## Every benchmark, each with a peer or a limit beside our figure
	@for script in $$(grep -l __main__ bench/[a-z]*.py); do name=$$(basename $$script .py); \
	  echo "== $$name"; $(BIN)/python -m bench.$$name || exit 1; done

bench-peers: ## Install what others made, in an environment of its own, for `bench.scoring` and `bench.sweep` to run beside ours
	$(PYTHON) -m venv bench/.peers
	bench/.peers/bin/python -m pip --disable-pip-version-check --quiet install rule-engine==5.1.0 business-rules==1.1.1 dlt==1.31.0

clean: ## Remove what was built; data below var/ stays
	rm -rf $(VENV) bench/.peers build dist *.egg-info .coverage.d .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

upgrade-constraints: ## Write constraints.txt anew from the newest versions that pyproject.toml allows
	rm -rf build/upgrade && $(PYTHON) -m venv build/upgrade
	build/upgrade/bin/python -m pip --disable-pip-version-check install --quiet '.[dev]'
	{ sed -n '/^#/p' constraints.txt; build/upgrade/bin/python -m pip freeze --exclude tasuki | LC_ALL=C sort -f; } > build/constraints.txt
	mv build/constraints.txt constraints.txt

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Tasuki needs Python 3.11 or later: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUN): pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing into $(VENV) (once; a minute or two) …'
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing into $(VENV) with the tools for development (once; a minute or two) …'
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $(RUN) $@
