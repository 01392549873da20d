"""Cognitive models and ideal observers, one family per file. Never imports PyTorch at module
level."""
