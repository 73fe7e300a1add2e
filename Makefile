# Every target creates .venv when needed and is safe to repeat.
PYTHON ?= python3
BIN := .venv/bin
RUNS ?= runs

.PHONY: demo test slow lint format clean

demo: .venv/installed
	$(BIN)/python -m experiments.train --preset digits --workdir $(RUNS)/digits

test: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

slow: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv

.venv/installed: setup.py constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@
