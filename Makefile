UV_VERSION := 0.13.9
BIN := .venv/bin
UV_ON_PATH := $(shell command -v uv 2>/dev/null)
UV := $(or $(UV_ON_PATH),.tools/bin/uv)

# A process a core, each with one thread; the tests of a room stay in one process and share what they build.
WORKERS := logical
TESTS = OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist loadscope --no-loadscope-reorder --durations 10 -p no:nbmake

export UV_PROJECT_ENVIRONMENT := .venv
export MPLBACKEND := Agg
# Without compiled files in .venv every start of EIR takes twice as long.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-all lint format docs notebooks bench pins clean distclean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

# From / because a `python3` of pyenv obeys .python-version and fails where no 3.13 is installed.
.tools/bin/uv:
	@echo "uv is not on PATH: installing uv $(UV_VERSION) into .tools"
	@cd / && python3 -m pip --version >/dev/null \
		|| { echo "make setup needs uv, or a python3 with pip" >&2; exit 1; }
	@cd / && PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet \
		--disable-pip-version-check --upgrade --target "$(CURDIR)/.tools" uv==$(UV_VERSION)

setup: $(if $(UV_ON_PATH),,.tools/bin/uv) ## Make the environment in .venv, or mend it (at once when it is whole)
	@"$(UV)" sync --inexact --all-extras $(if $(wildcard $(BIN)/claster),--quiet)

demo: setup ## Run the main job on a simulated genome (ARGS="--size tiny" for options)
	$(BIN)/claster demo $(ARGS)

test: setup ## Run the tests, with coverage, without the slow ones
	$(TESTS) --cov

test-slow: setup ## Run the slow tests alone
	$(TESTS) -m slow

test-all: setup ## Run every test, with coverage
	$(TESTS) -m "slow or not slow" --cov

lint: setup ## Check style, types and pins
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python .ci/pins.py

format: setup ## Mend what can be mended in style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: setup ## Build the documentation into docs/_build/html
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --builder html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

notebooks: setup ## Run the notebooks on a simulated genome (the tutorial: make test-slow)
	$(BIN)/pytest --nbmake --override-ini "addopts=" --override-ini "testpaths=" --ignore scripts/0_Tutorial.ipynb scripts

bench: setup ## Run the benchmarks
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

pins: setup ## Renew the exact versions in pyproject.toml
	UV="$(UV)" $(BIN)/python .ci/pins.py --renew

clean: ## Remove what building and testing left (inputs, targets and runs stay)
	rm -rf docs/_build docs/_figures docs/api docs/cli.md docs/figures.md docs/notebooks dist htmlcov .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find claster tests docs .ci -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the environment and the private uv as well
	rm -rf .venv .tools uv.lock
