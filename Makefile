# `make` lists the targets. Everything is installed into .venv, which belongs to make; jars are kept in Skysieve's cache.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
INSTALLED := .venv/.installed
PANEL := kernel_ext/labextension
# else each worker and kernel would compile all modules anew (see --no-compile below)
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test lint format panel lab bench clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

# The mark exists only while .venv is whole, so an install that was cut short is begun anew. A new pip takes half the
# time of one that came with Python; modules are compiled when they are first imported (--no-compile): few ever are.
$(INSTALLED): pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Skysieve needs Python 3.11 or newer, and '$(PYTHON)' is not: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@[ -e $@ ] || { rm -rf .venv && "$(PYTHON)" -m venv .venv; }
	@rm -f $@
	@echo "Installing into .venv (the first time some 800 MB are fetched, which takes a few minutes):"
	@{ $(PIP) --quiet --upgrade pip; $(PIP) --no-compile -e '.[test,lint]' && touch $@; } \
	  | while read -r line; do case "$$line" in \
	    *Downloading*"("[0-9][0-9]*" MB)") echo "  $${line#*Downloading }" ;; \
	    "Building wheel for"*started*) set -- $$line; echo "  building $$4 ..." ;; \
	    "Installing collected packages"*) echo "  unpacking ..." ;; \
	  esac; done
	@[ -e $@ ] || { echo "The installation failed: see above, then try again."; exit 1; }

install: $(INSTALLED) ## make the environment in .venv

demo: $(INSTALLED) ## from nothing to delivered alerts, then stop everything
	@$(BIN)/skysieve demo

test: $(INSTALLED) ## lint, types and the whole test suite, on real Kafka and Spark (ARGS="tests/packets -x" for a part)
	@$(BIN)/python -m skysieve.local.prepare & $(MAKE) --no-print-directory lint; linted=$$?; wait $$! && exit $$linted
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(INSTALLED) ## ruff and mypy; eslint and prettier where Node is and `make panel` was
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@if [ -d $(PANEL)/node_modules ] && command -v npm >/dev/null; then cd $(PANEL) && npm run --silent lint; fi

format: $(INSTALLED) ## let ruff put the code in order
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

panel: $(INSTALLED) ## build the panel in JupyterLab anew, after a change of its TypeScript
	@$(BIN)/python hatch_build.py
	@rm -rf $(BIN)/../share/jupyter/labextensions/skysieve
	@ln -s "$(CURDIR)/$(PANEL)/built" $(BIN)/../share/jupyter/labextensions/skysieve

lab: $(INSTALLED) ## start the local session and open the notebooks in JupyterLab
	@$(BIN)/skysieve lab notebooks $(ARGS)

bench: $(INSTALLED) ## measure the bank against a fastavro loop
	@$(BIN)/skysieve bench bank $(ARGS)

clean: ## remove the environment and build output
	rm -rf .venv build dist $(PANEL)/built $(PANEL)/lib $(PANEL)/node_modules
