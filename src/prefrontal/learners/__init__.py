"""Textbook learners and ideal observers, for the bandit (``bandit``), the two-step task (``two_step``) and the
volatile bandit (``rescorla_wagner``, ``volatility``), strategies for n arms (``arms``), and which of them explains somebody's
choices best (``comparison``).

They are numpy code, so that analyses can run them on anybody's trials. ``prefrontal.learners.agents``, which needs torch and
is therefore not imported here, lets them play a task and be recorded as a network is.
"""

from prefrontal.learners import arms, bandit, choice, comparison, matching, rescorla_wagner, two_step, volatility

__all__ = ["arms", "bandit", "choice", "comparison", "matching", "rescorla_wagner", "two_step", "volatility"]
