# The ingredients are taken from the networks of the bandit and of the two-step task.
data/ingredients/trials.parquet: $(addprefix replications/,bandit/task.py bandit/train.py two_step/task.py two_step/train.py)
