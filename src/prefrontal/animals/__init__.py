"""Choices of animals and people, beside those of the networks."""
