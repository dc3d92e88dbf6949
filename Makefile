# Every job has one command. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

export PYTHONDONTWRITEBYTECODE := 1
export UV_LINK_MODE := copy

$(INSTALLED): requirements-dev.txt package.json package-lock.json
	@echo "Installing the development environment into $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/python -m uv pip sync --quiet --python $(BIN)/python requirements-dev.txt
	@npm install --no-audit --no-fund --silent
	@touch $@

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}'

.PHONY: install
install: $(INSTALLED) ## Install the development environment (every other command does it too)

.PHONY: lock
lock: $(INSTALLED) ## Compile the pinned requirements from their .in files
	@$(BIN)/uv pip compile --quiet --no-header --no-annotate --python-version 3.11 --upgrade requirements-dev.in -o requirements-dev.txt
	@$(BIN)/uv pip compile --quiet --no-header --no-annotate --python-version 3.11 requirements.in -c requirements-dev.txt -o requirements.txt
