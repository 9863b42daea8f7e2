# Everything sets itself up in .venv: `make demo` for a first painting, `make test` for the suite.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
NEEDS := pyproject.toml constraints.txt

.PHONY: help demo test lint docs soak bench styles clean

help:
	@echo "make demo    paint a picture that ships with impasto"
	@echo "make test    run the test suite"
	@echo "make lint    check style and types"
	@echo "make docs    build the documentation in site/, and run its tutorial (about five minutes)"
	@echo "make soak    run the tests that take long"
	@echo "make bench   measure speed, memory and looks on this machine (about three hours)"
	@echo "make styles  paint the built-in style pictures anew"
	@echo "make clean   remove the environment and every cache"

$(VENV)/made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "impasto needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/installed-demo: $(VENV)/made $(NEEDS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo]'
	touch $@

$(VENV)/installed-dev: $(VENV)/made $(NEEDS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/installed-demo

demo: $(VENV)/installed-demo
	$(BIN)/impasto demo

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

docs: $(VENV)/installed-dev
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make docs needs Python 3.11 or newer")'
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs .docs/en
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs/ko .docs/ko
	rm -rf site && cp -r .docs/en site && cp -r .docs/ko site/ko
	@echo "open site/index.html"

soak: $(VENV)/installed-dev
	$(BIN)/python -m pytest soak

bench: $(VENV)/installed-demo
	$(BIN)/python benchmarks

styles: $(VENV)/installed-demo
	$(BIN)/python tools/paint_styles

clean:
	rm -rf $(VENV) .docs site .mypy_cache .pytest_cache .ruff_cache .hypothesis impasto-demo
