"""`python -m experiments.compare`: runs side by side; see `__main__`."""
