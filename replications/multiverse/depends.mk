# The multiverse trains the networks of the others in universes of their own: only when asked for by name, and only what is missing.
.PHONY: train-multiverse
train-multiverse: | $(READY)  ## train and judge the universes that are missing (hours); SMALL=1 for a few tiny ones in .make/multiverse
	$(PYTHON) -m replications.multiverse.run $(if $(SMALL),--small --data .make/multiverse)

ifneq ($(filter multiverse,$(MAKECMDGOALS)),)
data/multiverse/results/networks.csv: train-multiverse ;
endif

.make/multiverse.analysed: data/multiverse/results/networks.csv $(addprefix replications/multiverse/,analysis.py conditions.py) $(ANALYSING) \
		$(EXPERIMENTS:%=.make/%.analysed)
	$(PYTHON) -m replications.multiverse.analysis
	@mkdir -p .make && touch $@

.make/multiverse.drawn: .make/multiverse.analysed
