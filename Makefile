# Two commands for a fresh machine with Python 3.11 or newer: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The CPU build of PyTorch; set TORCH= to keep another that is already in .venv.
TORCH ?= torch==2.13.0

.PHONY: demo test check docs docs-serve dist format clean

demo: $(VENV)/core.stamp
	$(BIN)/facealign align examples/astronaut.jpg -o demo/astronaut.json --draw demo/astronaut.jpg

test: $(VENV)/test.stamp check
	$(BIN)/python -m pytest -m "not slow"
	@echo "Now the slow tests (pytest -m slow): runs that are killed, several processes, benchmarks."
	$(BIN)/python -m pytest -m slow

check: $(VENV)/test.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

docs-serve: $(VENV)/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

# What would be published: the same commit gives the same bytes. Nothing is uploaded.
dist: $(VENV)/dist.stamp
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --pretty=%ct) $(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl
	sha256sum dist/*

format: $(VENV)/test.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) demo dist site

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "facealign needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/core.stamp: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/test.stamp: $(BIN)/python pyproject.toml
	test -z "$(TORCH)" || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	touch $@ $(VENV)/core.stamp

$(VENV)/docs.stamp: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	touch $@

$(VENV)/dist.stamp: $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build check-wheel-contents twine
	touch $@
