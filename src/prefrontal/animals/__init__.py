"""Choices of animals and people, compared with those of networks."""

from prefrontal.animals.sheet import read as read
