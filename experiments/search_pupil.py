"""What `experiments.search` searches in the study of pupils, and on whom."""

import keras
import pandas as pd

from experiments import common, parts, pupil, search_space
from experiments.pupil_measures import measure as measured
from experiments.pupil_network import PrunedNetwork
from experiments.search_space import even, log, one_of, onoff


def space():
    """Around what the papers have: they give single values.

    Learning rate 1e-3 (seeds/000: others were tried), 50 epochs (seeds/001: 10), batch
    5, dropout of an unknown rate; series filled, or standardised as here; trained at
    once, or in the four patterns. The angles of the pruning come after the training,
    and the answers measured are those before it.
    """
    return {
        "learning_rate": log(1e-4, 1e-1),
        "epochs": log(5, 100),
        "batch_size": one_of(5, 10, 20),
        "dropout": even(0.0, 0.8, 0.1),
        "diameters": one_of("paper", "standardised"),
        "four_patterns": onoff(),
    }


def trials(run):
    """Reads the data once; see `search_space.Validation`."""
    data = pupil.read(run)

    def measure(run, report):
        keras.backend.clear_session()
        with common.user_errors():
            divided = pupil.rounds(data.index, run.settings)
        threads = parts.threads(len(divided))
        parts.ready(threads)
        items = [(part,) for part in divided]
        shared = run.settings, data
        found = parts.each(answered, items, run.spread, threads, shared)
        tables = []
        for place, answer in search_space.in_order(found):
            part = divided[place]
            rows = data.index.iloc[part.test].drop(columns="path")
            tables.append(rows.assign(round=part.name, probability=answer))
            report(search_space.loss(pd.concat(tables)), len(divided))
        return measured(pd.concat(tables, ignore_index=True), "probability")

    return measure


def answered(settings, data, part):
    """The network's answers in a round, before any pruning."""
    network = pupil.made(PrunedNetwork, settings, data)
    return network.trained(part)[-1]


TRIAL = search_space.Validation(
    trials,
    "Validated by folds of observers inside the training part of the protocol's first "
    "round: nobody who is validated was trained on. The test part of that first round "
    "was put aside before.",
    "Of protocols with several rounds only the first one's test part (predictions.csv, "
    "column round; metrics.json lists the rounds in order) is new: the others test "
    "series that were trained on or validated here.",
    {"validate": True},
)
