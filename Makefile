# Wang et al. 2018, reproduced. `make help` lists the commands; `prefrontal --help` those behind them.

# Another environment, such as that of the oldest versions (CONTRIBUTING.md): its folder, its pins, its Python.
VENV := .venv
LOCK := requirements.lock
BASE := python3
READY := $(VENV)/.ready
PREFRONTAL := $(VENV)/bin/prefrontal
PYTEST := $(VENV)/bin/python -m pytest --numprocesses 2 --dist worksteal
EXPERIMENTS := $(patsubst replications/%/experiment.py,%,$(wildcard replications/*/experiment.py))
# One thread per process, since the networks are small; freed memory is kept (glibc), which halves a recording's time.
export OMP_NUM_THREADS ?= 1
export MALLOC_MMAP_MAX_ ?= 0
export MALLOC_TRIM_THRESHOLD_ ?= 1073741824

.PHONY: help figures extensions all reproduce claims train test bench stress-test lint notebooks clean $(EXPERIMENTS)

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24
	@echo "  make EXPERIMENT       one experiment's figure: $(EXPERIMENTS)"

figures: $(READY)  ## draw the paper's figures; analyse again only what is out of date
	@$(PREFRONTAL) run paper

extensions: $(READY)  ## draw the figures of what goes beyond the paper
	@$(PREFRONTAL) run extensions

all: $(READY)  ## draw all figures
	@$(PREFRONTAL) run all

$(EXPERIMENTS): $(READY)
	@$(PREFRONTAL) run $@

reproduce: $(READY)  ## play all networks again from their weights, analyse, draw, and compare with what is here (minutes)
	@$(PREFRONTAL) reproduce all

claims: $(READY)  ## print the table of claims
	@$(PREFRONTAL) claims

train: $(READY)  ## train all networks again (hours)
	@for name in $(EXPERIMENTS); do \
		test ! -f replications/$$name/train.py || $(PREFRONTAL) train $$name --all || exit 1; done

test: $(READY)  ## run the fast tests; ALL=1 adds the slow ones and the notebooks
	$(PYTEST) $(if $(ALL),,-m "not slow")

bench: $(READY)  ## measure the speed of training and recording
	$(VENV)/bin/python -m tests.bench

stress-test: $(READY)  ## interrupt trainings and pipelines at random moments, resume them, and compare bits (minutes)
	$(VENV)/bin/python -m tests.stress.interruptions

lint: $(READY)  ## check style, types and the direction of imports
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/lint-imports

notebooks: $(patsubst %.py,%.ipynb,$(wildcard notebooks/*.py))  ## execute the notebooks whose text was edited

clean:  ## remove what can be rebuilt: recordings, caches, checkpoints
	rm -rf .make .pytest_cache .hypothesis .mypy_cache .ruff_cache data/*/*.parquet data/*/checkpoints runs
	find . -name __pycache__ -not -path './.venv*/*' -prune -exec rm -rf {} +

# A notebook that fails keeps its previous outputs.
.PRECIOUS: notebooks/%.ipynb
notebooks/%.ipynb: notebooks/%.py | $(READY)
	$(VENV)/bin/jupytext --quiet --to ipynb --update $<
	TQDM_DISABLE=1 $(VENV)/bin/jupyter nbconvert --log-level=ERROR --to notebook --execute --inplace \
		--ExecutePreprocessor.record_timing=False $@

# Also installs what PyTorch's build depends on, such as the libraries of an accelerator.
$(READY): $(LOCK) requirements-torch.lock pyproject.toml
	$(BASE) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --no-deps --requirement $(LOCK)
	$(VENV)/bin/pip install --quiet --requirement requirements-torch.lock --editable .
	@touch $@
