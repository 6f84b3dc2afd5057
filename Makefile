# Every target sets up the virtual environment it needs; a second run finds it ready.
# .venv      the core install, what a user gets: no torch
# .venv-dev  editable install with everything: training, export, tests, linters

PYTHON ?= python3
CORE ?= .venv
DEV ?= .venv-dev
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Every core runs a share of the test files, so none of them needs threads of its own. A process
# that crashes is not replaced: pytest-xdist would wait for ever for the rest of its file.
PYTEST = OMP_NUM_THREADS=1 $(DEV)/bin/python -m pytest --numprocesses=auto --dist=loadfile --max-worker-restart=0
# Not what an editable install builds beside the Python files.
PACKAGE_FILES = CMakeLists.txt $(shell find src -type f -not -name '*.pyc' -not -name '*.so')
KERNEL_FILES = CMakeLists.txt $(shell find src/deeplab -path "*/kernel/*" -type f)

.PHONY: help demo test test-all check format lint types imports fix bench bench-crf bench-data clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(CORE)/.ready  ## segment the example photos into demo-output/
	$(CORE)/bin/deeplab segment examples --out demo-output --overwrite
	@echo
	@echo "Look into demo-output/: NAME.overlay.jpg shows the classes over the photo, NAME.mask.png is the label map."

test: $(DEV)/.ready  ## the fast suite
	$(PYTEST) -m "not slow"

test-all: $(DEV)/.ready  ## the fast and the slow tests
	$(PYTEST)

check: format lint types imports test  ## what CI runs: format, lint, types, import directions, fast suite

format: $(DEV)/.ready
	$(DEV)/bin/ruff format --check .

lint: $(DEV)/.ready
	$(DEV)/bin/ruff check .

types: $(DEV)/.ready
	$(DEV)/bin/mypy

imports: $(DEV)/.ready
	$(DEV)/bin/lint-imports

fix: $(DEV)/.ready  ## repair format and lint
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

bench: $(DEV)/.ready  ## time a cold `deeplab segment`, inference, a folder (needs ../shared/data), engines, training steps
	$(DEV)/bin/python benchmarks/cold_start.py
	$(DEV)/bin/python benchmarks/inference.py
	$(DEV)/bin/python benchmarks/folder.py
	$(DEV)/bin/deeplab benchmark --sizes 500x375,513x513
	$(DEV)/bin/python benchmarks/memory.py
	$(DEV)/bin/python benchmarks/training_step.py
	$(DEV)/bin/python benchmarks/training.py

bench-data: $(DEV)/.ready  ## time the stream of training crops against the training step (needs ../shared/data)
	$(DEV)/bin/python benchmarks/data.py --data ../shared/data

bench-crf: $(DEV)/.ready  ## time the dense CRF against pydensecrf2 (needs ../shared/data), and its torch layer
	$(DEV)/bin/python benchmarks/crf.py
	$(DEV)/bin/python benchmarks/crf_torch.py

clean:  ## remove the environments and what they produced
	rm -rf $(CORE) $(DEV) demo-output .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	rm -rf CMakeCache.txt CMakeFiles CMakeInit.txt cmake_install.cmake build.ninja .ninja_deps .ninja_log
	rm -rf .cmake .skbuild-info.json libnanobind-*.a src/deeplab/*/_kernel.*.so

# The core environment holds a copy of the package, as a user's would: any changed file renews it.
$(CORE)/.ready: pyproject.toml constraints.txt $(PACKAGE_FILES)
	test -x $(CORE)/bin/python || $(PYTHON) -m venv $(CORE)
	$(CORE)/bin/python $(PIP_INSTALL) .
	touch $@

# The editable install finds changed Python files by itself; a changed C++ file is compiled again.
$(DEV)/.ready: pyproject.toml constraints.txt $(KERNEL_FILES)
	test -x $(DEV)/bin/python || $(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python $(PIP_INSTALL) --editable '.[dev]'
	touch $@
