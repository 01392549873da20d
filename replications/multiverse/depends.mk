# The multiverse trains the networks of the others in universes of their own: only when asked for, and only what is missing.
SMALL_DATA := .make/multiverse
.PHONY: multiverse
multiverse: | $(READY)  ## train and judge the universes that are missing (hours); SMALL=1 for a tiny multiverse in .make
	$(PYTHON) -m replications.multiverse.run $(if $(SMALL),--small --data $(SMALL_DATA))
