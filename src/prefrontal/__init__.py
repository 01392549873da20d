"""Replication suite for Wang et al. (2018), Prefrontal cortex as a meta-reinforcement learning system."""

__version__ = "0.1.0"
