# Wang et al. 2018, reproduced. `make help` lists what there is.

PYTHON := .venv/bin/python
READY := .venv/.ready
# Every folder with a train.py is an experiment; those with a figure.py draw one.
EXPERIMENTS := $(patsubst replications/%/train.py,%,$(wildcard replications/*/train.py))
DRAWN := $(patsubst replications/%/figure.py,%,$(wildcard replications/*/figure.py))
LIBRARY := src/prefrontal
# A folder that draws without training reads the results of the others.
SUMMARIES := $(filter-out $(EXPERIMENTS),$(DRAWN))
# One thread per process: the networks are small.
export OMP_NUM_THREADS ?= 1

.PHONY: help figures claims report notebooks train test bench lint clean $(EXPERIMENTS) $(SUMMARIES) $(addprefix train-,$(EXPERIMENTS))
.DELETE_ON_ERROR:

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24
	@echo "  make <experiment>     one experiment's figure: $(DRAWN)"

figures: $(addprefix .make/,$(addsuffix .figure,$(DRAWN)))  ## record the trained networks, analyse, draw every figure, print the claims
	@$(PYTHON) -m prefrontal.readme
	@$(PYTHON) -m prefrontal.cite --write
	@$(PYTHON) -m prefrontal.claims

claims: $(foreach e,$(filter $(EXPERIMENTS),$(DRAWN)),data/$(e)/results/claims.csv)  ## print the verdict table
	@$(PYTHON) -m prefrontal.claims

report: figures  ## write figures/report.html, the whole reproduction on one page
	@$(PYTHON) -m prefrontal.report

notebooks: $(patsubst %.py,%.ipynb,$(wildcard notebooks/*.py))  ## execute the notebooks whose text was edited

train: $(addprefix train-,$(EXPERIMENTS))  ## train all networks anew (hours)

test: $(READY)  ## run all tests
	$(PYTHON) -m pytest

bench: $(READY)  ## measure the speed of training and recording
	$(PYTHON) -m tests.bench

lint: $(READY)  ## check style and types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

clean:  ## remove what can be rebuilt: tables, stamps, caches, checkpoints
	rm -rf .make .pytest_cache .hypothesis .mypy_cache .ruff_cache data/*/*.parquet data/*/checkpoints
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# A notebook that fails keeps its previous outputs.
.PRECIOUS: notebooks/%.ipynb
notebooks/%.ipynb: notebooks/%.py | $(READY)
	.venv/bin/jupytext --quiet --to ipynb --update $<
	TQDM_DISABLE=1 .venv/bin/jupyter nbconvert --log-level=ERROR --to notebook --execute --inplace \
		--ExecutePreprocessor.record_timing=False $@

$(READY): requirements.lock pyproject.toml
	python3 -m venv .venv
	$(PYTHON) -m pip install --quiet --requirement requirements.lock
	$(PYTHON) -m pip install --quiet --no-deps --editable .
	@touch $@

# Networks have no rule of their own: figures follow networks that were trained anew, but train only where there are none.
define EXPERIMENT
train-$(1): $(READY)
	$(PYTHON) -m replications.$(1).train --all

data/$(1)/networks: | $(READY)
	$(PYTHON) -m replications.$(1).train --all

data/$(1)/trials.parquet: $(wildcard replications/$(1)/task.py replications/$(1)/train.py replications/$(1)/record.py) \
		$(addprefix $(LIBRARY)/,task.py network.py recording.py) $(wildcard data/$(1)/networks/*.json) | data/$(1)/networks $(READY)
	$(PYTHON) -m replications.$(1).record

data/$(1)/results/claims.csv: data/$(1)/trials.parquet replications/$(1)/analysis.py \
		$(addprefix $(LIBRARY)/,behavior.py neural.py statistics.py claims.py) $(wildcard $(LIBRARY)/learners/*.py)
	$(PYTHON) -m replications.$(1).analysis

.make/$(1).figure: data/$(1)/results/claims.csv replications/$(1)/figure.py $(LIBRARY)/plotting.py $(LIBRARY)/paper.mplstyle
	$(PYTHON) -m replications.$(1).figure
	@mkdir -p .make && touch $$@

$(1): .make/$(1).figure
endef
$(foreach e,$(EXPERIMENTS),$(eval $(call EXPERIMENT,$(e))))

define SUMMARY
.make/$(1).figure: $(foreach e,$(filter $(EXPERIMENTS),$(DRAWN)),data/$(e)/results/claims.csv) replications/$(1)/figure.py \
		$(LIBRARY)/plotting.py $(LIBRARY)/paper.mplstyle
	$(PYTHON) -m replications.$(1).figure
	@mkdir -p .make && touch $$@

$(1): .make/$(1).figure
endef
$(foreach e,$(SUMMARIES),$(eval $(call SUMMARY,$(e))))

# Predictions test the networks of the two-step task, on its task and with its analysis.
data/predictions/trials.parquet: replications/two_step/task.py $(wildcard data/two_step/networks/*.json) | data/two_step/networks
data/predictions/results/claims.csv: replications/two_step/analysis.py
