"""A study of invented answers: `python -m tests.experiments.harness.fake`.

Paper    none
"""

import os
import signal
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from datasets import about
from experiments import papers
from experiments.harness import metrics, options, study
from experiments.harness.run_folder import hash_data

SPEC = metrics.Spec(
    ("posed", "genuine"), ("roc_auc", "balanced_accuracy"), group="round", pairs=True
)


@dataclass
class Settings(options.Settings):
    protocol: Literal["observer", "video"] = "video"
    """who is tested"""
    rounds: options.Positive = 4
    """how many"""
    pause: options.NotNegative = 0.0
    """seconds that a round takes"""
    fault: Literal["none", "killed", "diverged"] = "none"
    """what goes wrong in the last round"""
    validate: bool = False
    """measure inside the training part"""


def compute_round(settings, number, *, threads):
    time.sleep(settings.pause)
    if number == settings.rounds - 1:
        if settings.fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if settings.fault == "diverged":
            raise study.Diverged(f"in round {number}")
    rng = np.random.default_rng([settings.seed, number])
    truth = np.arange(40) % 2
    genuine = np.clip(truth * 0.2 + rng.random(40) * 0.7, 0, 1)
    return {"genuine": genuine, "truth": truth, "loss": metrics.loss(truth, genuine)}


def work(run):
    with study.user_errors():
        data = pd.read_csv(run.data_dir / "data.csv")
    known = {"content": hash_data(data), "shape": data.shape}
    paths = [run.data_dir / "data.csv"]
    run.record_data(f"{len(data)} rows", paths, {"left out": []}, **known)
    parts = {f"round{n}": (n,) for n in range(run.settings.rounds)}
    contents = run.compute(compute_round, parts, (run.settings,))
    subject = [f"s{n // 2 % 8}" for n in range(40)]
    tables = [
        metrics.predictions_table(
            *(SPEC, "Fake", content["truth"], content["genuine"]),
            **{"sample": [f"{name}-{n}" for n in range(40)], "subject": subject},
            group=name,
        )
        for name, content in contents.items()
    ]

    def write_models(path):
        (path / "model.txt").write_text("a model")
        return {"model.txt": "the model"}

    return study.Result(
        pd.concat(tables, ignore_index=True),
        write_models=write_models,
        tables={"history.csv": pd.DataFrame({"epoch": [0], "loss": [1.0]})},
        notes={"Answers": "All are invented.", "A table": "| a |\n|---|"},
        more={"parameters": 0},
    )


STUDY = study.Study(
    name="fake",
    model="Fake",
    settings=Settings,
    dataset=about.PUPIL,
    paper=papers.GONG,
    reported=papers.PUPIL,
    spec=SPEC,
    work=work,
    sample={"rounds": 3},
    quick={"rounds": 2},
    parts=1,
)


def main(argv=None):
    return study.main(STUDY, __doc__, argv)


if __name__ == "__main__":
    from tests.experiments.harness import fake  # other processes find its functions

    fake.main()
