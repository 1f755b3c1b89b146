# `make` lists the targets. Everything is installed into .venv; jars are kept in Skysieve's cache.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help install demo test lint format lab bench clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Skysieve needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "installing into .venv (a minute or two the first time) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,lint]'
	@touch $@

install: $(INSTALLED) ## make the environment in .venv

demo: $(INSTALLED) ## from an empty machine to delivered alerts, then stop everything
	@$(BIN)/skysieve demo

test: $(INSTALLED) ## lint, types and the whole test suite, on real Kafka and Spark
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest $(ARGS)

lint: $(INSTALLED) ## ruff and mypy
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: $(INSTALLED) ## let ruff put the code in order
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lab: $(INSTALLED) ## start the local session and open JupyterLab
	@$(BIN)/skysieve lab

bench: $(INSTALLED) ## measure the bank against a fastavro loop
	@$(BIN)/skysieve bench bank

clean: ## remove the environment and build output
	rm -rf .venv build dist
