"""The datasets of clips, PEDFE and own folders, as studies read them."""

import dataclasses

import pandas as pd

from datasets import own, pedfe
from experiments.harness.study import Run

_INDEXES = {"pedfe": pedfe.index, "own": own.index}


def read_index(run: Run) -> pd.DataFrame:
    """Return the index of the run's dataset, which reports then call by its name."""
    index = _INDEXES[run.settings.dataset](run.data_dir)
    if run.settings.dataset == "own":
        people = index["subject"].nunique()
        name = f"own data: {run.data_dir.name}, {people} people"
        run.about = dataclasses.replace(run.about, name=name)
    return index
