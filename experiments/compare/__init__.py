"""`python -m experiments.compare`: runs side by side; see `__main__`."""

from experiments.compare.page import compare as compare
