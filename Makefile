# Every job has one command. `make help` lists them. Written for GNU make 3.81 and bash 3.2, which macOS has.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Set PYTHON to use another Python than the first that tools/find-python.sh finds: make install PYTHON=python3.12
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# Write byte code, whatever the shell says: dozens of processes start, and each would compile everything that it imports.
export PYTHONDONTWRITEBYTECODE :=
export UV_LINK_MODE := copy

$(INSTALLED): requirements-dev.txt package.json package-lock.json tools/vendor_documents.py
	@command -v npm >/dev/null || { echo "There is no npm here; \`make doctor\` says how to get it." >&2; exit 1; }
	@echo "Installing the development environment into $(VENV) …"
	@test -x $(BIN)/python || { python=$$(sh tools/find-python.sh $(PYTHON)) && "$$python" -m venv --clear $(VENV); }
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/python -m uv pip sync --quiet --python $(BIN)/python requirements-dev.txt
	@npm install --no-audit --no-fund --silent
	@$(BIN)/python -m tools.vendor_documents >/dev/null
	@touch $@

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}'

.PHONY: doctor
doctor: ## Say what this machine lacks, and how to get it
	@python=$$(sh tools/find-python.sh $(PYTHON) 2>/dev/null || command -v python3) || { echo "There is no Python here. Get Python 3.13 from your system's packages or from python.org."; exit 1; }; "$$python" tools/doctor.py

.PHONY: install
install: $(INSTALLED) ## Install the development environment (every other command does it too)

.PHONY: lock
lock: $(INSTALLED) ## Compile the pinned requirements from their .in files, for every Python and system
	@$(BIN)/uv pip compile --quiet --no-header --no-annotate --universal --python-version 3.11 --upgrade requirements-dev.in -o requirements-dev.txt
	@$(BIN)/uv pip compile --quiet --no-header --no-annotate --universal --python-version 3.11 requirements.in -c requirements-dev.txt -o requirements.txt

.PHONY: demo
demo: $(INSTALLED) ## Run a customer's whole journey (TARGET=simulator|openstack, JOURNEY=main|payments|team)
	@$(BIN)/python -m dev.demo --target $(or $(TARGET),simulator) --journey $(or $(JOURNEY),main)

.PHONY: up
up: $(INSTALLED) ## Start the local cloud, or deploy an edit into the running one (FOREGROUND=1 to watch it)
	@$(BIN)/python -m dev.localcloud up $(if $(FOREGROUND),--foreground)

.PHONY: down
down: $(INSTALLED) ## Stop the local cloud; its state is kept
	@$(BIN)/python -m dev.localcloud down

.PHONY: watch
watch: $(INSTALLED) ## Deploy every edit into the running local cloud
	@$(BIN)/python -m dev.localcloud watch

.PHONY: test
test: $(INSTALLED) ## Run every test that needs nothing outside this machine
	@$(BIN)/python -m pytest -n 4 --dist loadgroup $(ARGS)

.PHONY: test-fast
test-fast: $(INSTALLED) ## Run the fast tests: rules, and adapters against simulators (two minutes)
	@$(BIN)/python -m pytest tests/unit tests/contract -n logical --maxprocesses 8 --dist loadgroup $(ARGS)

.PHONY: contract
contract: $(INSTALLED) ## Run the contract suite on a provider (TARGET=simulator|openstack; openstack uses OS_CLOUD)
	@HEARTH_CONTRACT_TARGET=$(or $(TARGET),simulator) $(BIN)/python -m pytest tests/contract -n $(if $(filter openstack,$(TARGET)),3,2) --dist loadgroup $(ARGS)

.PHONY: check
check: $(INSTALLED) ## Check format, lint, types, import contracts and generated documents: what CI runs first
	@$(BIN)/ruff format --check --quiet . || { echo "Run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tools.openapi --check
	@$(BIN)/python -m tools.aws_models --check

.PHONY: format
format: $(INSTALLED) ## Format the code, and correct what lint can correct
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/python -m tools.openapi

.PHONY: bench
bench: $(INSTALLED) ## Run every benchmark and print its table
	@$(BIN)/python -m benchmarks

.PHONY: package
package: $(INSTALLED) ## Package every function as its own Lambda, into build/
	@$(BIN)/python -m tools.package

.PHONY: deploy
deploy: package ## Deploy with SAM (STAGE=…)
	@test -n "$(STAGE)" || { echo "Say which: make deploy STAGE=dev"; exit 2; }
	@$(BIN)/python -m tools.deploy --stage $(STAGE)

.PHONY: retire
retire: $(INSTALLED) ## Remove the application stack of an old release (STAGE=…; docs/operations.md, Updating)
	@test -n "$(STAGE)" || { echo "Say which: make retire STAGE=dev"; exit 2; }
	@$(BIN)/python -m tools.deploy --stage $(STAGE) --retire

.PHONY: ledger-verify
ledger-verify: $(INSTALLED) ## Run the proof of the ledger, on the local cloud or on the table of AWS_PROFILE and TABLE_NAME
	@$(BIN)/python -m tools.verify_ledger

.PHONY: ledger-export
ledger-export: $(INSTALLED) ## Write the whole ledger for an accountant (FORMAT=beancount|hledger|csv, OUTPUT=file)
	@$(BIN)/python -m tools.export_ledger --format $(or $(FORMAT),beancount) $(if $(OUTPUT),--output $(OUTPUT))

.PHONY: catalog-check
catalog-check: $(INSTALLED) ## Compare the catalogue with the clouds (TARGET=simulator|openstack|installed)
	@$(BIN)/python -m tools.check_catalog --target $(or $(TARGET),simulator)

.PHONY: openstack-up openstack-down
openstack-up: $(INSTALLED) ## Start a real OpenStack control plane on this machine (Debian; root, once)
	@dev/openstack/up.sh
openstack-down: ## Stop it and keep its contents
	@dev/openstack/down.sh
