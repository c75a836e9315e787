"""One trial of a search: a run of the study that validates, measured or pruned."""

import contextlib
import dataclasses
import math
import pathlib
import shutil
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import optuna
import tensorflow as tf

from experiments.harness.run_folder import RunFolder
from experiments.harness.study import Diverged, Run, StudyError, execute

EPOCHS = 5  # before a trial is pruned; of a study of parts a fifth of the parts
MEASURES = ("balanced_accuracy", "roc_auc")
FAULTS_OF_SETTINGS = (Diverged, MemoryError, tf.errors.ResourceExhaustedError)


@dataclass
class Search:
    """One search.

    Attributes:
        run: a `Run` without a folder, with the settings that all trials share.
        space: distributions by setting.
        folder: where the results go; its name is that of the Optuna study.
        options: `trials`, `storage` and `stop_after`.
        words: options of the study's command, without those of a trial.
    """

    run: Run
    space: dict[str, optuna.distributions.BaseDistribution]
    folder: pathlib.Path
    options: Any
    words: dict[str, Any]

    def scratch(self, trial) -> pathlib.Path:
        """Where a trial works; the lock in it tells whether its worker is alive."""
        return self.folder / f".trial-{trial.number}"

    def measure(self, trial: optuna.Trial) -> float:
        """Return the validation loss of the settings that Optuna suggests."""
        # By the trial's number, or each worker would suggest what the others did.
        entropy = np.random.SeedSequence([self.run.settings.seed, trial.number])
        seed = int(entropy.generate_state(1)[0])
        trial.study.sampler = optuna.samplers.TPESampler(seed=seed)
        params = {name: suggest(trial, name, kind) for name, kind in self.space.items()}
        settings = dataclasses.replace(self.run.settings, **params)
        folder = RunFolder(self.scratch(trial), resumed=False)
        fields = {**vars(self.run), "settings": settings, "folder": folder}
        run = TrialRun(**fields, trial=trial)
        run.report = run.report_loss
        keras.backend.clear_session()
        try:
            _, metrics = execute(run)
        except FAULTS_OF_SETTINGS as error:
            fault = str(error) or "The memory does not suffice."
            trial.set_user_attr("fault", fault)
            raise optuna.TrialPruned(fault) from error
        finally:
            folder.lock.release()
            shutil.rmtree(folder.path, ignore_errors=True)
        for name in MEASURES:
            trial.set_user_attr(name, metrics[name])
        return metrics["loss"]


def suggest(trial: optuna.Trial, name: str, kind) -> float | int | str | bool:
    """Let Optuna suggest a value from a distribution."""
    if isinstance(kind, optuna.distributions.CategoricalDistribution):
        return trial.suggest_categorical(name, kind.choices)
    whole = isinstance(kind, optuna.distributions.IntDistribution)
    ask = trial.suggest_int if whole else trial.suggest_float
    return ask(name, kind.low, kind.high, step=kind.step, log=kind.log)


@dataclass
class TrialRun(Run):
    """The run of a trial, pruned after its first and before its last step only."""

    trial: optuna.Trial | None = None
    steps: tuple[float, float] = (EPOCHS, math.inf)

    def record_data(self, summary, paths, skipped, **known):
        """Record the data, which have to be those of the search's first trial."""
        study = self.trial.study
        first = study.user_attrs.get("data")
        with contextlib.redirect_stdout(None) if first else contextlib.nullcontext():
            super().record_data(summary, paths, skipped, **known)
        data = {"kind": self.kind, **known}
        if first is None:
            study.set_user_attr("data", data)
        elif first != data:
            raise StudyError(
                f"Expected the data of the search's first trial: {first}. Received: "
                f"{data}. Search these with another --out or --storage."
            )

    def compute(self, function, parts, shared=(), unit="part"):
        self.steps = math.ceil(len(parts) / 5), len(parts) - 1
        return super().compute(function, parts, shared, unit)

    def report_loss(self, value: float, step: int) -> None:
        """Report the loss so far, and end the trial where it is hopeless."""
        self.trial.report(value, step)
        first, last = self.steps
        if first <= step <= last and self.trial.should_prune():
            raise optuna.TrialPruned
