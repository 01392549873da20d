# The multiverse trains the networks of the others in universes of their own: only when asked for, and only what is missing.
.PHONY: multiverse
multiverse: | $(READY)  ## train and judge the universes that are missing (hours); SMALL=1 for a few tiny ones in .make/multiverse
	$(PYTHON) -m replications.multiverse.run $(if $(SMALL),--small --data .make/multiverse)
	$(if $(SMALL),,$(PYTHON) -m replications.multiverse.analysis)
