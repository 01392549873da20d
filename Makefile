# Wang et al. 2018, reproduced. `make help` lists the commands; `prefrontal --help` those behind them.
VENV := .venv
LOCK := requirements.lock
BASE := python3
READY := $(VENV)/.ready
PREFRONTAL := $(VENV)/bin/prefrontal
EXPERIMENTS := $(patsubst replications/%/experiment.py,%,$(wildcard replications/*/experiment.py))
ifneq (,$(findstring :,$(CURDIR)))
$(error $(CURDIR): Python makes no environment in a folder with a colon in its path; move or rename it)
endif
# One thread per process: the networks are small.
export OMP_NUM_THREADS ?= 1
.PHONY: help figures extensions all reproduce claims train test bench stress-test lint docs notebooks clean $(EXPERIMENTS)

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24
	@echo "  make EXPERIMENT       one experiment's figures: $(EXPERIMENTS)"
figures: $(READY)  ## draw the paper's figures; analyse again only what is out of date
	@$(PREFRONTAL) run paper
extensions: $(READY)  ## draw the figures of what goes beyond the paper
	@$(PREFRONTAL) run extensions
all: $(READY)  ## draw all figures
	@$(PREFRONTAL) run all
$(EXPERIMENTS): $(READY)
	@$(PREFRONTAL) run $@
reproduce: $(READY)  ## play all networks again from their weights, analyse, draw, and compare (minutes)
	@$(PREFRONTAL) reproduce all
claims: $(READY)  ## print the table of claims
	@$(PREFRONTAL) claims
train: $(READY)  ## train the networks of all experiments again (15 hours on two cores)
	@$(PREFRONTAL) train all --all
test: $(READY)  ## run the fast tests; ALL=1 adds the slow ones and the notebooks
	$(VENV)/bin/python -m pytest --numprocesses 3 --dist worksteal \
		$(if $(ALL),-p nbmake --nbmake --nbmake-timeout=600,-m "not slow")
bench: $(READY)  ## measure the speed of training and recording
	$(VENV)/bin/python -m tests.bench $(ARGS)
stress-test: $(READY)  ## interrupt trainings and pipelines, resume them, and compare bits (minutes)
	$(VENV)/bin/python -m tests.stress.interruptions
lint: $(READY)  ## check style, types and the direction of imports
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/lint-imports
docs: $(READY)  ## build the documentation site, docs/_build/html/index.html
	$(VENV)/bin/python docs/build_site.py
notebooks: $(patsubst %.py,%.ipynb,$(wildcard notebooks/*.py))  ## execute the notebooks whose text was edited
clean:  ## remove what can be rebuilt: recordings, caches, checkpoints
	rm -rf .make .*_cache .hypothesis runs docs/_build data/*/*.parquet data/*/checkpoints
	find . -name __pycache__ -not -path './.venv*/*' -prune -exec rm -rf {} +

.PRECIOUS: notebooks/%.ipynb
notebooks/%.ipynb: notebooks/%.py | $(READY)
	$(VENV)/bin/jupytext --quiet --to ipynb --update $<
	TQDM_DISABLE=1 $(VENV)/bin/jupyter nbconvert --log-level=ERROR --to notebook --execute --inplace \
		--ExecutePreprocessor.record_timing=False $@
# pip also installs what PyTorch's build depends on, such as the libraries of an accelerator.
$(READY): $(LOCK) requirements-torch.lock pyproject.toml
	$(BASE) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --no-deps --requirement $(LOCK)
	$(VENV)/bin/pip install --quiet --requirement requirements-torch.lock --editable .
	@touch $@
