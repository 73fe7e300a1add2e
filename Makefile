# Every target creates .venv when needed and is safe to repeat.
PYTHON ?= python3
BIN := .venv/bin
RUNS ?= runs
EXTRAS ?= test
PYTEST := -m pytest -n 2 --dist worksteal $(if $(MAY_SKIP),--may-skip '$(MAY_SKIP)')
INSTALL := -m pip install --quiet --disable-pip-version-check

.PHONY: demo test slow minimum lint docs format clean

demo: .venv/installed
	$(BIN)/python -m experiments.train --preset digits --workdir $(RUNS)/digits

test: .venv/installed
	$(BIN)/python $(PYTEST) -m "not slow"

slow: .venv/installed
	$(BIN)/python $(PYTEST) -m slow

# The telling tests at the lowest versions that setup.py allows.
minimum: .venv/minimum/installed
	.venv/minimum/bin/python $(PYTEST) @.ci/telling

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The site, in build/site: open index.html. Any warning is an error.
docs: .venv/installed
	$(BIN)/python -c 'import mkdocstrings' 2> /dev/null || \
	    $(BIN)/python $(INSTALL) --constraint constraints.txt --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv

.venv/installed: setup.py constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python $(INSTALL) --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

.venv/minimum/installed: .venv/installed .ci/minimum.py
	$(BIN)/python -m venv .venv/minimum
	$(BIN)/python .ci/minimum.py constraints.txt test > .venv/minimum/constraints.txt
	.venv/minimum/bin/python $(INSTALL) --no-compile --constraint .venv/minimum/constraints.txt --editable '.[test]'
	touch $@
