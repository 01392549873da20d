# Wang et al. 2018, reproduced. `make help` lists what there is.

# Another environment, such as that of the oldest versions (CONTRIBUTING.md): its folder, its pins, and the Python that it is made with.
VENV := .venv
LOCK := requirements.lock
BASE := python3
PYTHON := $(VENV)/bin/python
ifeq ($(strip $(PYTHON)),)
$(error PYTHON is empty; leave it out, or name a Python)
endif
READY := $(VENV)/.ready
# Every folder with a figure.py draws; those with a train.py are experiments, the others draw the results of these.
DRAWN := $(patsubst replications/%/figure.py,%,$(wildcard replications/*/figure.py))
EXPERIMENTS := $(patsubst replications/%/train.py,%,$(wildcard replications/*/train.py))
SUMMARIES := $(filter-out $(EXPERIMENTS),$(DRAWN))
# What each step of an experiment rests on in the library.
LIBRARY := src/prefrontal
PLAYING := $(addprefix $(LIBRARY)/,task.py network.py encoders.py config.py population.py store.py recording.py tables.py) \
	$(wildcard $(LIBRARY)/cores/*.py $(LIBRARY)/learners/*.py)
ANALYSING := $(addprefix $(LIBRARY)/,experiment.py behavior.py neural.py statistics.py claims.py)
DRAWING := $(addprefix $(LIBRARY)/,plotting.py paper.mplstyle)
# One thread per process: the networks are small.
export OMP_NUM_THREADS ?= 1
ifeq ($(MAKECMDGOALS),$(filter figures report claims $(DRAWN),$(firstword $(MAKECMDGOALS))))
# As many processes as cores, unless -j says otherwise: each writes files of its own. Trainings use all cores themselves.
# nproc would count the threads of OMP_NUM_THREADS; some systems lack it.
MAKEFLAGS += --jobs=$(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || getconf _NPROCESSORS_ONLN) $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
# Freed memory is kept (glibc): to ask the system for it again at every time step took up to half of a recording's time.
export MALLOC_MMAP_MAX_ ?= 0
export MALLOC_TRIM_THRESHOLD_ ?= 1073741824
endif

.PHONY: help figures claims report verify new notebooks train test bench faults lint clean force $(DRAWN) $(addprefix train-,$(EXPERIMENTS))
.DELETE_ON_ERROR:

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24
	@echo "  make <experiment>     one experiment's figure, caption and README: $(DRAWN)"

figures: $(DRAWN:%=.make/%.drawn)  ## record the trained networks, analyse, draw every figure, print the claims
	@$(PYTHON) -m prefrontal.readme
	@$(PYTHON) -m prefrontal.release
	@$(PYTHON) -m prefrontal.cite --write
	@$(PYTHON) -m prefrontal.claims

claims: $(EXPERIMENTS:%=.make/%.analysed)  ## print the verdict table
	@$(PYTHON) -m prefrontal.claims

report: figures  ## write figures/report.html, the whole reproduction on one page
	@$(PYTHON) -m prefrontal.report

verify: $(READY)  ## rebuild every table in .make/verify and compare it with data/
	@$(PYTHON) -m prefrontal.verify

new: $(READY)  ## write the folder of a new experiment that runs: make new NAME=my_task
	@$(PYTHON) -m prefrontal.new "$(NAME)"

notebooks: $(patsubst %.py,%.ipynb,$(wildcard notebooks/*.py))  ## execute the notebooks whose text was edited

train: $(addprefix train-,$(EXPERIMENTS))  ## train all networks anew (hours)

test: $(READY)  ## run the tests in minutes; with ALL=1 the slow ones too, and the notebooks
	$(PYTHON) -m pytest --numprocesses 2 --dist worksteal $(if $(ALL),,-m "not slow")

bench: $(READY)  ## measure the speed of training and recording
	$(PYTHON) -m tests.bench

faults: $(READY)  ## kill trainings and pipelines at random moments, resume them, and compare bits (minutes)
	$(PYTHON) -m tests.faults

lint: $(READY)  ## check style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

clean:  ## remove what can be rebuilt: tables, stamps, caches, checkpoints
	rm -rf .make .pytest_cache .hypothesis .mypy_cache .ruff_cache data/*/*.parquet data/*/checkpoints
	find . -name __pycache__ -not -path './.venv*/*' -prune -exec rm -rf {} +

# A notebook that fails keeps its previous outputs.
.PRECIOUS: notebooks/%.ipynb
notebooks/%.ipynb: notebooks/%.py | $(READY)
	$(VENV)/bin/jupytext --quiet --to ipynb --update $<
	TQDM_DISABLE=1 $(VENV)/bin/jupyter nbconvert --log-level=ERROR --to notebook --execute --inplace \
		--ExecutePreprocessor.record_timing=False $@

# What PyTorch's build asks for besides, such as the libraries of an accelerator, comes with it.
$(READY): $(LOCK) requirements-torch.lock pyproject.toml
	$(BASE) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --no-deps --requirement $(LOCK)
	$(PYTHON) -m pip install --quiet --requirement requirements-torch.lock --editable .
	@touch $@

# Networks have no rule of their own: figures follow networks that were trained anew, but train only where there are none.
# Results that come out equal are left as they are, so stamps in .make say when they were made.
define EXPERIMENT
train-$(1): $(READY)
	$(PYTHON) -m replications.$(1).train --all

data/$(1)/networks: | $(READY)
	$(PYTHON) -m replications.$(1).train --all

data/$(1)/trials.parquet: $(filter-out %analysis.py %figure.py %animals.py,$(wildcard replications/$(1)/*.py)) \
		$(PLAYING) $(wildcard data/$(1)/networks/*.json) | data/$(1)/networks $(READY)
	$(PYTHON) -m replications.$(1).record

.make/$(1).analysed: data/$(1)/trials.parquet $(wildcard replications/$(1)/analysis.py) $(ANALYSING) \
		$(if $(wildcard data/$(1)/results/claims.csv),,force)
	$(PYTHON) -m replications.$(1).analysis
	@mkdir -p .make && touch $$@

.make/$(1).drawn: .make/$(1).analysed
endef
$(foreach e,$(EXPERIMENTS),$(eval $(call EXPERIMENT,$(e))))

$(SUMMARIES:%=.make/%.drawn): $(EXPERIMENTS:%=.make/%.analysed)

.make/%.drawn: replications/%/figure.py $(DRAWING)
	$(PYTHON) -m replications.$*.figure
	@mkdir -p .make && touch $@

$(DRAWN): %: .make/%.drawn
	@$(PYTHON) -m prefrontal.readme $@
	@$(PYTHON) -m prefrontal.release
	@$(PYTHON) -m prefrontal.cite --write --experiment $@

# What an experiment rests on outside its folder.
include $(wildcard replications/*/depends.mk)
