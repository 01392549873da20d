# Predictions test the networks of the two-step task, on its task and with its analysis.
data/predictions/trials.parquet: $(addprefix replications/two_step/,task.py train.py conditions.py) \
	$(wildcard data/two_step/networks/*.json) | data/two_step/networks
.make/predictions.analysed: replications/two_step/analysis.py
