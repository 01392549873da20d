"""Choices of animals and people, compared with those of the networks."""
