# Everything from a fresh checkout: `make demo` and `make test` set up what they need.
# Needed on the machine: Python 3.11 or newer (with venv), make, git.

PYTHON ?= python3
VENV ?= .venv
VENV_HYDRA14 ?= .venv-hydra14
PYTEST_ARGS ?=

# Tools are run as modules: the scripts of an environment break when its path holds a space.
RUN = "$(VENV)/bin/python" -m
RUN_HYDRA14 = "$(VENV_HYDRA14)/bin/python" -m

.PHONY: help demo test test-hydra14 test-nemo test-launchers bench format clean

help:
	@echo "make demo          set up, then run the demo: one training run, spelled in YAML and in Python"
	@echo "make test          set up, then ruff, mypy --strict and pytest on the released Hydra (1.3)"
	@echo "make test-hydra14  set up, then pytest on the newest Hydra 1.4, pre-releases included"
	@echo "make test-nemo     set up, then the tests beside real NeMo-Run"
	@echo "make test-launchers set up, then Hydra's launchers and sweepers, really run (Python 3.11)"
	@echo "make bench         set up, then print the speed table"
	@echo "make format        sort imports and format the code"
	@echo "make clean         remove the environments and caches"
	@echo "PYTEST_ARGS='-k yaml' narrows the tests; PYTHON=python3.12 chooses the interpreter."

demo: $(VENV)/.installed
	$(RUN) examples.pretrain.demo

test: $(VENV)/.installed
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy --strict
	$(RUN) pytest $(PYTEST_ARGS)

# A cache of its own, so that both lines can be tested at the same time.
test-hydra14: $(VENV_HYDRA14)/.installed
	$(RUN_HYDRA14) pytest -o cache_dir="$(VENV_HYDRA14)/.pytest_cache" $(PYTEST_ARGS)

test-nemo:
	.ci/nemo $(PYTEST_ARGS)

test-launchers:
	.ci/launchers $(PYTEST_ARGS)

bench: $(VENV)/.installed
	$(RUN) benchmarks.run
	$(RUN) benchmarks.plugin

format: $(VENV)/.installed
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

clean:
	rm -rf "$(VENV)" "$(VENV_HYDRA14)" .venv-nemo .venv-launchers .mypy_cache .pytest_cache .ruff_cache .hypothesis

PACKAGES := '.[test,demo,lint]'
# Specifiers that name a pre-release admit pre-releases of these two packages only, unlike `pip install --pre`.
PACKAGES_HYDRA14 := '.[test]' 'hydra-core>=1.4.0rc1,<1.5' 'omegaconf>=2.4.0rc1'

# $(1): the environment, $(2): what to install. The stamp is written last: an interrupted set-up is taken up again.
define install
@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=...")'
@echo "Installing into $(1) (about a minute) ..."
@$(PYTHON) -m venv "$(1)"
@"$(1)/bin/python" -m pip install --quiet --disable-pip-version-check --editable $(2)
@touch "$@"
endef

$(VENV)/.installed: pyproject.toml
	$(call install,$(VENV),$(PACKAGES))

$(VENV_HYDRA14)/.installed: pyproject.toml
	$(call install,$(VENV_HYDRA14),$(PACKAGES_HYDRA14))
