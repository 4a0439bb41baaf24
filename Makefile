# `make results` runs the benchmark, `make test` checks the code. Each first creates .venv and
# installs everything into it, unless that is done; all it needs is Python >= 3.10.
#
#   make results ARGS="--categories bottle --shots 0 10"    options of run_all.py
#   make test ARGS="-m slow"                                options of pytest
#   make replication DATA=/path/to/mvtec_ad                 the published training (docs/replication.md)
#   make test PYTHON=/path/to/python3                       the Python to use
#   make results LOCK=                                      the newest versions that fit, instead of
#                                                           those behind the published figures
#   make lock                                               write requirements.lock anew

# Small matrices on many threads are slower than on one: parallelism is a matter of --jobs.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE

VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
WORKERS ?= 2
LOCK ?= requirements.lock

# The machine's default first, for it is likely to be the complete one; then the newest.
CANDIDATES := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python3.10 python
SUITABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))

.PHONY: results replication test lint lock

results: $(INSTALLED)
	$(RUN) run_all.py $(ARGS)

PROFILES ?= paper-joint paper cpu
replication: $(INSTALLED)
	@test -n "$(DATA)" || { echo "Say where MVTec AD is: make replication DATA=DIR" >&2; exit 2; }
	for profile in $(PROFILES); do \
	    $(RUN) run_all.py --profile $$profile --dataset mvtec_ad --data-root "$(DATA)" \
	        --shots 10 --seeds 0 $(ARGS) || exit; \
	done

test: lint
	$(RUN) -m pytest -n $(WORKERS) $(ARGS)

lint: $(INSTALLED)
	$(RUN) -m ruff check .
	$(RUN) -m mypy

lock: $(INSTALLED)
	$(RUN) -m pip install uv
	$(RUN) -m uv pip compile pyproject.toml --all-extras --universal --python-version 3.10 \
	    --no-header --no-annotate --output-file requirements.lock

$(INSTALLED): pyproject.toml $(LOCK)
	@for python in $(CANDIDATES); do \
	    if "$$python" -c '$(SUITABLE)' 2>/dev/null; then \
	        echo "Creating $(VENV) with $$("$$python" --version)" && exec "$$python" -m venv $(VENV); \
	    fi; \
	done; \
	echo "No Python >= 3.10 with venv and ensurepip found (tried: $(CANDIDATES))." >&2; \
	echo "Install one (on Debian and Ubuntu: python3 and python3-venv)," >&2; \
	echo "or name it: make PYTHON=/path/to/python3" >&2; \
	exit 1
	$(RUN) -m pip install $(if $(LOCK),--constraint $(LOCK)) --editable '.[test]'
	@touch $@
