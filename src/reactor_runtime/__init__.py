"""Reactor Runtime: turns a Python class into a live, interactive video model."""
