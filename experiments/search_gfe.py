"""What `experiments.search` searches in the studies on GFE, and on whom."""

import keras
import numpy as np
import pandas as pd

from experiments import common, gfe, gfe_report, parts, search_space
from experiments.search_space import log, one_of


def frames():
    """The ranges that the paper tried (seeds/004, Table 2).

    Of the epochs, 5 to 1500 with 30 as the best, only those up to 150; hidden neurons
    (15 to 200) and the optimiser are no options here. Its batch size is not known.
    """
    return {
        "learning_rate": log(0.0005, 0.03),
        "epochs": log(5, 150),
        "batch_size": one_of(16, 32, 64, 128, 256),
    }


def sequence():
    """Around the study's own values: the paper has no such network."""
    return {
        "learning_rate": log(0.0002, 0.02),
        "epochs": log(10, 120),
        "batch_size": one_of(8, 16, 32),
        "people": one_of("known", "new"),
    }


def trials(run):
    """Reads the data once; see `search_space.Validation`."""
    if run.settings["protocol"] != "holdout" or run.settings["validate"] != "signer":
        raise common.StudyError(
            "A search validates on the other signer, within the first 80 % of each "
            "recording: it takes --protocol holdout and --validate signer, which are "
            "its defaults."
        )
    with common.user_errors():
        gfe.settle_head(run)
    data = gfe.read(run)

    def measure(run, report):
        keras.backend.clear_session()
        with common.user_errors():
            jobs = list(gfe.plan(data.index, run.settings))
        threads = parts.threads(len(jobs))
        parts.ready(threads)
        items = [(part, data.points[rows]) for _, _, rows, part in jobs]
        shared = run.study.builder, run.settings
        found = parts.each(gfe.learn_one, items, run.spread, threads, shared)
        tables, losses = [], []
        for place, learned in search_space.in_order(found):
            tables.append(gfe.predicted(jobs[place], learned))
            losses.append(search_space.loss(tables[-1]))
            report(float(np.mean(losses)), len(jobs))
        mean, _ = gfe_report.summarise(gfe_report.measure(pd.concat(tables)))
        return mean.loc["mean"].to_dict()

    return measure


HELD_OUT = (
    "There are two signers. Within the first 80 % of each recording each trial trains "
    "on one signer and is validated on the other, both ways. The last 20 % of each "
    "recording, the test part of protocol holdout, were put aside before; only where a "
    "single depth was not measured, it was bridged with the next one, if need be there."
)
TESTED = (
    "It is of the same two signers, later in their recordings: there is nobody else. "
    "The test part of protocol signer is not new any more: each signer was validated "
    "on."
)
FIXED = {"protocol": "holdout", "validate": "signer"}
TRIAL = search_space.Validation(trials, HELD_OUT, TESTED, FIXED)
# The boosted trees that decide by default have no options to search.
NETWORK = search_space.Validation(
    trials, HELD_OUT, TESTED, {**FIXED, "head": "softmax"}
)
