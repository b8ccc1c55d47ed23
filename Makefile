# make demo    install into .venv, compile the example model, run it on the emulated core
# make test    install what is missing, check the style, run every test
# make fuzz    random networks through the whole compiler onto the emulated core: FUZZ_EXAMPLES of them
# make fuzz-files   damaged .tflite files: FUZZ_FILES of them
# make lint    style of the Python and C++ code, types of the Python code
PYTHON ?= python3
VENV ?= .venv
FUZZ_EXAMPLES ?= 500
FUZZ_FILES ?= 5000
BIN := $(VENV)/bin
# The C++ extension and the metadata depend on these; Python files are used where they lie.
NATIVE := CMakeLists.txt pyproject.toml $(wildcard dialect/*)

.PHONY: demo test fuzz fuzz-files lint install docs clean

demo: install
	$(BIN)/python examples/digits/demo.py

test: lint
	$(BIN)/python docs/generate.py --check
	$(BIN)/lit -v test
	$(BIN)/python -m pytest -q -n auto --dist loadfile --ignore test/python/test_fuzz.py test/python
	$(BIN)/python -m pytest -q test/python/test_fuzz.py

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p build/types/vmcu
	ln -sfn ../../../passes build/types/vmcu/passes
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror dialect/*.cpp dialect/*.h

fuzz: install
	VMCU_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -q --hypothesis-show-statistics test/python/test_fuzz.py

fuzz-files: install
	$(BIN)/python test/python/damaged_files.py $(FUZZ_FILES)

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
