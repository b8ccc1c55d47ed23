# make demo    install into .venv, compile the example model, run it on the emulated core
# make test    install what is missing, run every test
# make lint    style of the Python code
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The C++ extension and the metadata depend on these; Python files are used where they lie.
NATIVE := CMakeLists.txt pyproject.toml $(wildcard dialect/*)

.PHONY: demo test lint install docs clean

demo: install
	$(BIN)/python examples/digits/demo.py

test: install
	$(BIN)/python docs/generate.py --check
	$(BIN)/lit -v test
	$(BIN)/python -m pytest -q test/python

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

docs: install
	$(BIN)/python docs/generate.py

install: $(VENV)/.installed

$(VENV)/.installed: $(NATIVE)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[test]'
	touch $@

clean:
	rm -rf build dist $(VENV)
