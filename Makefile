# Two commands: `make ablation` answers the first question, `make test` runs the suite.  Both make the
# environment they need, once; a change of pyproject.toml or of the lock makes it anew.

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
DECLARED := pyproject.toml setup.py requirements.lock
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock

.DEFAULT_GOAL := help
.PHONY: help ablation test test-fast chaos peers lint lock clean

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

ablation: $(VENV)/.core  ## compare PrefixLM with a causal decoder on this machine (about ten minutes)
	@$(BIN)/python -m experiments.run lesson1_prefix_lm --scale=demo

test: $(VENV)/.dev  ## the whole suite
	@$(BIN)/python -m pytest -n 2 --dist worksteal

test-fast: $(VENV)/.dev  ## the suite without its slow tests
	@$(BIN)/python -m pytest -n 2 -m "not slow"

chaos: $(VENV)/.dev  ## kills runs at random moments, 20 times each, and compares bits (a quarter of an hour)
	@$(BIN)/python -m tests.chaos

peers: $(VENV)/.peers  ## adds PyTorch, transformers and lm-eval, so that the tests of parity with them run

lint: $(VENV)/.dev  ## formatting, lint and types
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11, or name one with make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "$(PYTHON) is not Python 3.11; name one with make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: apt-get install python3.11-venv"; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python $(DECLARED)
	@echo "installing codegen_jax into $(VENV) (a minute or two, once)"
	@$(PIP_INSTALL) -e . && touch $@

$(VENV)/.dev: $(VENV)/bin/python $(DECLARED)
	@echo "installing codegen_jax and what its tests need into $(VENV) (a minute or two, once)"
	@$(PIP_INSTALL) -e '.[dev]' && touch $@ $(VENV)/.core

$(VENV)/.peers: $(VENV)/.dev
	@echo "installing PyTorch, transformers and lm-eval into $(VENV)"
	@$(PIP_INSTALL) -e '.[dev,eval,peers]' && touch $@

lock:  ## writes requirements.lock anew from what pyproject.toml allows
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev,eval,peers,tpu]'
	@{ echo "# Every version that the project is developed and tested with; made by \`make lock\`."; \
	  .venv-lock/bin/python -m pip freeze --exclude-editable | sed -E 's/^(torch==[0-9.]+)\+.*/\1/'; } > requirements.lock
	@rm -rf .venv-lock

clean:  ## removes the environment; runs/ stays
	@rm -rf $(VENV)
