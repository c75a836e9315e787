"""Controls beside a model: classifiers that know nothing of expressions."""

import numpy as np
import pandas as pd

from datasets import stills
from experiments.nvie.study import predictions
from zoo import heads

CONTROLS = {
    "control: duration alone": lambda table: table[["seconds"]].to_numpy(),
    "control: mean colour alone": lambda table: np.stack(
        [stills.mean_colour(path) for path in table["path"]]
    ),
}


def answers(run, rounds: dict[str, dict[str, pd.DataFrame]]) -> list[pd.DataFrame]:
    """Return the answers of boosted trees on a clip's duration, on a mean colour.

    Args:
        run: the `Run`, of two classes.
        rounds: as `study.read` returns them.
    """
    if len(run.spec.classes) > 2 or run.settings.dataset == "nvie":
        return []
    tables = []
    for model, features in CONTROLS.items():
        for name, data in rounds.items():
            train = pd.concat([data["train"], data["validation"]])
            values = features(train)
            if np.ptp(values, axis=0).any():
                head = heads.xgboost(seed=run.settings.seed)
                head.fit(values, train["class"])
                tested = data["measured"]
                probability = head.predict_proba(features(tested))
                tables.append(predictions(run, tested, probability, model, name))
    return tables
