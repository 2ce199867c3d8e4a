# Every target sets itself up: it makes the virtual environment, installs what it needs there at the
# versions of requirements-dev.txt, and compiles what has changed. `make help` lists the targets.
#
#   make test PYTHON=python3.12      another interpreter, in an environment and build folder of its own
#   make test TESTS=tests/autograd     some of the Python tests; PYTEST_ARGS passes options to pytest
#   make bench CASES="chain memory"  some of the benchmarks
#   make test WERROR=ON              compiler warnings are errors, as in continuous integration

PYTHON ?= python3
TESTS ?= tests
PYTEST_ARGS ?= -q
SET_TESTS ?= tests/matrix tests/ops tests/programs
CASES ?=
WERROR ?= OFF

# "311 linux_x86_64": one build folder per Python version. A plain `pip install .` builds elsewhere.
PYTHON_FACTS := $(shell $(PYTHON) -c 'import sys, sysconfig; print("%d%d" % sys.version_info[:2], \
  sysconfig.get_platform().replace("-", "_").replace(".", "_"))' 2>/dev/null)
PYTHON_TAG := cp$(firstword $(PYTHON_FACTS))
BUILD := build/$(PYTHON_TAG)-$(PYTHON_TAG)-$(lastword $(PYTHON_FACTS))
VENV ?= $(if $(filter python3,$(PYTHON)),.venv,.venv-$(firstword $(PYTHON_FACTS)))
ASAN_VENV := .venv-asan
ASAN_BUILD := build/asan
TSAN_VENV := .venv-tsan
TSAN_BUILD := build/tsan
TSAN_TESTS ?= tests/hardness/test_threads.py tests/autograd/test_nested_backward.py \
  tests/kernels/test_pool.py tests/python/test_unlocked.py
BENCH_VENV := .venv-bench

BUILD_TOOLS := scikit-build-core cmake ninja scipy-openblas64
TEST_TOOLS := pytest numpy graphviz graphviz-pure
LINT_TOOLS := ruff clang-format
DEMO_TOOLS := tqdm matplotlib
PAGE_TOOLS := playwright axe-playwright-python

# Runs pip in an environment: its own pip, or the base interpreter's where it was made without one.
pip = $$(test -x $(1)/bin/pip && echo $(1)/bin/python -m pip || echo $(PYTHON) -m pip --python $(1)/bin/python) \
  --disable-pip-version-check
install = $(call pip,$(1)) install --quiet --constraint requirements-dev.txt
# The package, editable, compiled in a folder that stays. Options for CMake follow.
install_package = PATH="$(abspath $(1))/bin:$$PATH" $(call pip,$(1)) install --quiet \
  --no-build-isolation --no-deps --config-settings=build.targets=_C \
  --config-settings=cmake.define.RUSHLIGHT_TESTS=ON \
  --config-settings=cmake.define.RUSHLIGHT_WERROR=$(WERROR)
site_packages = $$($(1)/bin/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')

INSTALLED = $(BUILD)/.installed$(subst /,-,$(VENV))-werror-$(WERROR)
SOURCES = $(shell find csrc rushlight -name '*.cpp' -o -name '*.h' -o -name '*.c' -o -name '*.py')
CPP_FILES = $(shell find csrc tests/cpp -name '*.cpp' -o -name '*.h' -o -name '*.c')
PYTHON_FOLDERS = rushlight tests tools benchmarks examples

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-tools test test-page test-sets test-version build page pictures lint format bench asan tsan stub clean

help:
	@echo "make demo          fit a line to the eruptions of Old Faithful"
	@echo "make test          the C++ tests, then the Python tests"
	@echo "make test-page     the tests of the graph's page, in Chromium (package chromium; or CHROMIUM=...)"
	@echo "make test-sets     the operators on each smaller kernel set that this machine has"
	@echo "make test-version  the tests that depend on the Python version (PYTHON=python3.12)"
	@echo "make lint          ruff, clang-format, the layer check, the line budget"
	@echo "make format        let ruff and clang-format rewrite the files"
	@echo "make bench         rushlight beside PyTorch, in one table"
	@echo "make asan          the tests under AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make tsan          the tests with threads under ThreadSanitizer"
	@echo "make pictures      write the README's pictures again (package chromium)"
	@echo "make page          write rushlight/viz/_page.html again from rushlight/viz/page"
	@echo "make stub          write rushlight/_C.pyi again from the op table"
	@echo "make clean         remove the environments and everything compiled"

demo: build $(VENV)/.demo-stamp
	$(VENV)/bin/rushlight run examples/linear_regression.py \
	  --data examples/data/old_faithful.csv --x eruptions --y waiting

demo-tools: $(VENV)/.demo-stamp

test: build $(VENV)/.test-stamp
	@$(VENV)/bin/cmake --build $(BUILD)
	$(VENV)/bin/ctest --test-dir $(BUILD) --output-on-failure --no-tests=error
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS) $(TESTS)

test-page: build $(VENV)/.test-stamp $(VENV)/.page-stamp
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS) -m page tests/page

test-version: build $(VENV)/.test-stamp
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS) -m python_versions $(TESTS)

# The operators once more on each smaller kernel set that this machine can run.
test-sets: build $(VENV)/.test-stamp
	@for set in $$($(VENV)/bin/python -c 'import rushlight; \
	  print(*rushlight._C._build_info()["kernel_sets"].split()[:-1])'); do \
	  echo "RUSHLIGHT_CPU=$$set"; \
	  RUSHLIGHT_CPU=$$set $(VENV)/bin/python -m pytest $(PYTEST_ARGS) $(SET_TESTS) || exit 1; \
	done

lint: $(VENV)/.lint-stamp
	$(VENV)/bin/ruff check $(PYTHON_FOLDERS)
	$(VENV)/bin/ruff format --check $(PYTHON_FOLDERS)
	@$(VENV)/bin/clang-format --dry-run -Werror $(CPP_FILES)
	$(VENV)/bin/python tools/check_layers.py
	$(VENV)/bin/python tools/line_budget.py
	$(VENV)/bin/python tools/bundle_page.py --check

format: $(VENV)/.lint-stamp
	$(VENV)/bin/ruff check --fix $(PYTHON_FOLDERS)
	$(VENV)/bin/ruff format $(PYTHON_FOLDERS)
	@$(VENV)/bin/clang-format -i $(CPP_FILES)

page: | $(VENV)/bin/python
	$(VENV)/bin/python tools/bundle_page.py

pictures: build $(VENV)/.page-stamp
	$(VENV)/bin/python tools/make_pictures.py

stub: build
	$(VENV)/bin/python tools/gen_stub.py

# OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE steer OpenBLAS to a slower kernel where they are set.
bench: $(BENCH_VENV)/.rushlight-stamp
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE PATH="$(abspath $(BENCH_VENV))/bin:$$PATH" \
	  $(BENCH_VENV)/bin/python benchmarks/run.py $(CASES)

# The interpreter itself is not instrumented, so the sanitizers' runtimes must be loaded before it;
# libstdc++ beside them, because they look up its exception functions when they start.
ASAN_RUNTIMES = $(shell for f in libasan.so libubsan.so libstdc++.so.6; do \
  $(CXX) -print-file-name=$$f; done | tr '\n' ':')
# A small quarantine of freed memory, so that the tests of resident memory still see it level off.
ASAN_ENV = \
  ASAN_OPTIONS=detect_leaks=0:strict_string_checks=1:allocator_may_return_null=1:quarantine_size_mb=16 \
  UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# --capture=sys lets the sanitizers' reports through, which are written to file descriptor 2.
asan: $(ASAN_BUILD)/.installed
	@$(ASAN_VENV)/bin/cmake --build $(ASAN_BUILD)
	@$(ASAN_VENV)/bin/cmake --install $(ASAN_BUILD) --prefix "$(call site_packages,$(ASAN_VENV))" >/dev/null
	$(ASAN_ENV) $(ASAN_VENV)/bin/ctest --test-dir $(ASAN_BUILD) --output-on-failure --no-tests=error
	$(ASAN_ENV) LD_PRELOAD="$(ASAN_RUNTIMES)" \
	  $(ASAN_VENV)/bin/python -m pytest --capture=sys $(PYTEST_ARGS) $(TESTS)

# Addresses are not drawn at random, which g++ 12's runtime does not expect. The interpreter's own
# atomics are not seen: its lock is, through the mutex that it is made of.
TSAN_RUNTIMES = $(shell for f in libtsan.so libstdc++.so.6; do $(CXX) -print-file-name=$$f; done | tr '\n' ':')
TSAN_ENV = TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
tsan: $(TSAN_BUILD)/.installed
	@$(TSAN_VENV)/bin/cmake --build $(TSAN_BUILD)
	@$(TSAN_VENV)/bin/cmake --install $(TSAN_BUILD) --prefix "$(call site_packages,$(TSAN_VENV))" >/dev/null
	$(TSAN_ENV) setarch -R $(TSAN_VENV)/bin/ctest --test-dir $(TSAN_BUILD) --output-on-failure --no-tests=error \
	  -R "threads|core|engine"
	$(TSAN_ENV) LD_PRELOAD="$(TSAN_RUNTIMES)" setarch -R \
	  $(TSAN_VENV)/bin/python -m pytest --capture=sys $(PYTEST_ARGS) $(TSAN_TESTS)

clean:
	rm -rf build dist .venv .venv-* .pytest_cache .ruff_cache linear_regression.png
	find $(PYTHON_FOLDERS) -name __pycache__ -type d -prune -exec rm -rf {} +

# Compiles what changed and puts the module beside the environment's other packages.
build: $(INSTALLED)
	@$(VENV)/bin/cmake --build $(BUILD) --target _C
	@$(VENV)/bin/cmake --install $(BUILD) --prefix "$(call site_packages,$(VENV))" >/dev/null

$(INSTALLED): $(VENV)/.build-stamp pyproject.toml CMakeLists.txt
	@echo "$(VENV): building rushlight in $(BUILD), which takes about two minutes the first time"
	@$(call install_package,$(VENV)) --config-settings=build-dir=$(BUILD) --editable .
	@touch $@

$(ASAN_BUILD)/.installed: $(ASAN_VENV)/.build-stamp $(ASAN_VENV)/.test-stamp pyproject.toml CMakeLists.txt
	@echo "$(ASAN_VENV): building rushlight with the sanitizers in $(ASAN_BUILD)"
	@$(call install_package,$(ASAN_VENV)) --config-settings=build-dir=$(ASAN_BUILD) \
	  --config-settings=cmake.define.RUSHLIGHT_SANITIZE=address --editable .
	@touch $@

$(TSAN_BUILD)/.installed: $(TSAN_VENV)/.build-stamp $(TSAN_VENV)/.test-stamp pyproject.toml CMakeLists.txt
	@echo "$(TSAN_VENV): building rushlight with ThreadSanitizer in $(TSAN_BUILD)"
	@$(call install_package,$(TSAN_VENV)) --config-settings=build-dir=$(TSAN_BUILD) \
	  --config-settings=cmake.define.RUSHLIGHT_SANITIZE=thread --editable .
	@touch $@

# The benchmarks measure the wheel that a user would install, built in the same folder.
$(BENCH_VENV)/.rushlight-stamp: $(BENCH_VENV)/.bench-stamp $(SOURCES) | build
	@echo "$(BENCH_VENV): installing rushlight"
	@rm -rf build/wheel
	@PATH="$(abspath $(VENV))/bin:$$PATH" $(call pip,$(VENV)) wheel --quiet --no-build-isolation --no-deps \
	  --config-settings=build.targets=_C --config-settings=cmake.define.RUSHLIGHT_TESTS=ON \
	  --config-settings=build-dir=$(BUILD) --wheel-dir build/wheel .
	@$(call pip,$(BENCH_VENV)) install --quiet --force-reinstall --no-deps build/wheel/rushlight-*.whl
	@touch $@

# One stamp per set of tools, so that each target installs only what it needs.
%/.build-stamp: requirements-dev.txt | %/bin/python
	@echo "$*: installing $(BUILD_TOOLS)"
	@$(call install,$*) $(BUILD_TOOLS)
	@touch $@
%/.test-stamp: requirements-dev.txt | %/bin/python
	@echo "$*: installing $(TEST_TOOLS)"
	@$(call install,$*) $(TEST_TOOLS)
	@$(call install,$*) --no-deps torchviz
	@touch $@
%/.lint-stamp: requirements-dev.txt | %/bin/python
	@echo "$*: installing $(LINT_TOOLS)"
	@$(call install,$*) $(LINT_TOOLS)
	@touch $@
%/.demo-stamp: requirements-dev.txt | %/bin/python
	@echo "$*: installing $(DEMO_TOOLS)"
	@$(call install,$*) $(DEMO_TOOLS)
	@touch $@
%/.page-stamp: requirements-dev.txt | %/bin/python
	@echo "$*: installing $(PAGE_TOOLS)"
	@$(call install,$*) $(PAGE_TOOLS)
	@touch $@
%/.bench-stamp: requirements-dev.txt | %/bin/python
	@echo "$*: installing torch numpy playwright $(BUILD_TOOLS)"
	@$(call install,$*) torch numpy playwright $(BUILD_TOOLS)
	@touch $@

.PRECIOUS: %/bin/python
%/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "rushlight needs Python 3.11 or newer; '$(PYTHON)' is not. Set PYTHON=..." >&2; exit 1; }
	@command -v $(CXX) >/dev/null || \
	  { echo "rushlight needs a C++20 compiler; '$(CXX)' is not there. Install g++ 11 or newer (package g++)." >&2; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; \
	  sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || \
	  { echo "$(PYTHON) has no Python.h: install the package python3-dev." >&2; exit 1; }
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	  $(PYTHON) -m venv $*; \
	elif $(PYTHON) -c 'import pip, venv' 2>/dev/null; then \
	  $(PYTHON) -m venv --without-pip $*; \
	else \
	  echo "$(PYTHON) has neither ensurepip nor pip: install the package python3-venv (or python3-pip)." >&2; exit 1; \
	fi
