"""Searches for the best settings of a study: `python -m experiments.search`."""
