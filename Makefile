# The verbs. `make demo` and `make test` do all their own set-up on Debian with Python 3.11, venv, make and gcc.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN    := .venv/bin
SETUP  := .venv/.installed
# Fresh memory costs page faults, more than the arithmetic on it: here both sides of a ratio keep theirs.
BENCH  := MALLOC_MMAP_THRESHOLD_=8589934592 MALLOC_TRIM_THRESHOLD_=8589934592 $(BIN)/python -m

.PHONY: demo test test-quick test-long test-arm64 check bench load bundle setup format clean

demo: $(SETUP)
	@$(BIN)/python -m deploy.local demo

test: $(SETUP)
	@$(BIN)/python tests/parts.py test

test-quick: $(SETUP)
	@$(BIN)/python tests/parts.py quick

# All of it, or one part: make test-long PART="long system".
test-long: $(SETUP)
	@$(BIN)/python tests/parts.py long "$(PART)"

test-arm64: $(SETUP)
	@$(BIN)/python -m tests.arm64

check: $(SETUP)
	@$(BIN)/python tests/parts.py check

bench: $(SETUP)
	@$(BENCH) tests.benchmarks.training_step times
	@$(BIN)/python -m tests.benchmarks.training_step memory
	@$(BENCH) tests.benchmarks.step_parts mobilenetv2_100
	@$(BENCH) tests.benchmarks.layer_backward
	@$(BENCH) tests.benchmarks.patch_passes
	@$(BIN)/python -m tests.benchmarks.fine_tuning_step
	@$(BENCH) tests.benchmarks.virtual_pooling
	@$(BIN)/python -m tests.benchmarks.sampler_overhead

# All of it, or one part: make load PART=many-runs, or PART="boards --agents 50 --runs 4 --run-s 2".
load: $(SETUP)
	@$(BIN)/python -m tests.load $(PART)

# What a board installs, in one archive: make bundle BOARD=raspberry-pi-5. The types are in deploy/boards.json.
bundle: $(SETUP)
	@$(BIN)/python -m deploy.bundling $(BOARD)

setup: $(SETUP)

format: $(SETUP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The stamp is written last, so that an interrupted set-up is done again.
$(SETUP): constraints.txt pyproject.toml gradfilter/pyproject.toml
	@test -n "$(PYTHON)" || { echo "no python3 found: install Python 3.11 and its venv module (apt-get install python3-venv)."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$(PYTHON) is too old: Python 3.10 or newer is needed; name one with make PYTHON=..."; exit 1; }
	@echo "setting up .venv (a few minutes the first time; PyTorch is the largest part)"
	@$(PYTHON) -m venv .venv || { echo "making .venv failed: install the venv module (apt-get install python3-venv)."; exit 1; }
	@$(BIN)/pip install -qq --disable-pip-version-check -c constraints.txt -e gradfilter/ -e '.[controller,postgresql,worker,dev]'
	@touch $@

clean:
	rm -rf .venv .venv-py36 .venv-jtop-* var reports
