# The algorithm inside is that of the networks of the bandit, the volatile bandit and the two-step task, on their tasks.
INSIDE := bandit volatile_bandit two_step
data/inner_algorithm/trials.parquet: $(foreach e,$(INSIDE),$(addprefix replications/$(e)/,task.py train.py conditions.py)) \
	$(foreach e,$(INSIDE),$(wildcard data/$(e)/networks/*.json)) | $(INSIDE:%=data/%/networks)
