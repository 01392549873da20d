"""Analyses of trials and activity. Never imports PyTorch."""
