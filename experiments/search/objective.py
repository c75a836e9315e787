"""The trials of a search, and the worker that does them until there are enough."""

import contextlib
import dataclasses
import logging
import math
import pathlib
import shutil
import sys
import time
import warnings
import zlib
from dataclasses import dataclass
from typing import Any

import filelock
import keras
import optuna
import sqlalchemy
import tensorflow as tf
from optuna.storages import JournalStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from experiments.harness.errors import Diverged, StudyError
from experiments.harness.run_folder import RunFolder
from experiments.harness.study import Run, execute

warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
# An error that ends a search is reported by the program, without Optuna's traceback.
logging.getLogger("optuna.study._optimize").addFilter(lambda line: not line.exc_info)

EPOCHS = 5  # before a trial is pruned; of a study of parts a fifth of the parts
COMPLETE = (TrialState.COMPLETE,)
COUNTED = TrialState.COMPLETE, TrialState.PRUNED  # not those of killed workers
MEASURES = ("balanced_accuracy", "roc_auc")
FAULTS_OF_SETTINGS = (Diverged, MemoryError, tf.errors.ResourceExhaustedError)
# A trial that has killed its worker three times is given up.
RETRY = RetryHeartbeatStaleTrialCallback(max_retry=2)


@dataclass
class Search:
    """One search."""

    run: Run  # without a folder, with the settings that all trials share
    space: dict[str, optuna.distributions.BaseDistribution]
    folder: pathlib.Path  # its name is that of the Optuna study
    options: Any  # trials, storage, stop_after
    words: dict[str, Any]  # options of the study's command, without those of a trial

    def work(self) -> optuna.Study:
        """Do trials until there are enough."""
        trials, pruner = self.options.trials, optuna.pruners.MedianPruner()
        enough = optuna.study.MaxTrialsCallback(trials, COUNTED)
        how = {"callbacks": [self.after_trial, enough]}
        how["show_progress_bar"] = sys.stderr.isatty()
        name = {"study_name": self.folder.name, "load_if_exists": True}
        try:
            storage = open_storage(self.options.storage, self.folder)
            study = optuna.create_study(storage=storage, pruner=pruner, **name)
            self.retry_killed(study)
            left = trials - len(study.get_trials(states=COUNTED))
            if left > 0 and not self.is_stuck(study):
                study.optimize(self.measure, left, **how)
        except optuna.exceptions.StorageInternalError as error:
            raise StudyError(f"The storage failed: {error.__cause__}") from error
        return study

    def after_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.retry_killed(study)
        if self.is_stuck(study):
            study.stop()

    def is_stuck(self, study: optuna.Study) -> bool:
        """Return whether the last `stop_after` trials brought nothing better."""
        number = getattr(best_trial(study), "number", -1)
        since = [t for t in study.get_trials(states=COUNTED) if t.number > number]
        return len(since) >= (self.options.stop_after or math.inf)

    def scratch(self, trial) -> pathlib.Path:
        """Return a trial's folder; the lock in it tells whether its worker is alive."""
        return self.folder / f".trial-{trial.number}"

    def retry_killed(self, study: optuna.Study) -> None:
        """Queue the trials of workers that were killed; a file has no heartbeats."""
        fail = {"state": TrialState.FAIL, "skip_if_finished": True}
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            path = self.scratch(trial)
            with contextlib.suppress(filelock.Timeout):  # its worker is alive
                if (path / "work" / "lock").exists():
                    with RunFolder(path, resumed=False).lock:
                        if study.tell(trial.number, **fail).state == TrialState.FAIL:
                            RETRY(study, trial)
                        shutil.rmtree(path, ignore_errors=True)

    def measure(self, trial: optuna.Trial) -> float:
        """Return the validation loss of the settings that Optuna suggests."""
        # By the trial's number, or each worker would suggest what the others did.
        seed = zlib.crc32(f"{self.run.settings.seed} {trial.number}".encode())
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
            trial.set_user_attr("fault", str(error) or "The memory does not suffice.")
            raise optuna.TrialPruned(trial.user_attrs["fault"]) from error
        finally:
            folder.lock.release()
            shutil.rmtree(folder.path, ignore_errors=True)
        for name in MEASURES:
            trial.set_user_attr(name, metrics[name])
        return metrics["loss"]


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
        data = {k: v for k, v in self.config["data"].items() if k != "folder"}
        study.set_user_attr("data", first or data)
        if data != (first or data):
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


def suggest(trial: optuna.Trial, name: str, kind) -> float | int | str | bool:
    """Let Optuna suggest a value from a distribution."""
    if hasattr(kind, "choices"):
        return trial.suggest_categorical(name, kind.choices)
    ask = trial.suggest_int if isinstance(kind.low, int) else trial.suggest_float
    return ask(name, kind.low, kind.high, step=kind.step, log=kind.log)


def best_trial(study: optuna.Study) -> FrozenTrial | None:
    """Return the trial with the lowest loss, the first of equals."""
    complete = study.get_trials(states=COMPLETE)
    return min(complete, key=lambda trial: trial.value, default=None)


def open_storage(url: str | None, folder) -> optuna.storages.BaseStorage:
    """Open the database of a search; by default it is a file in its folder."""
    if url is None:
        return JournalStorage(JournalFileBackend(str(folder / "trials.log")))
    # Seconds; a worker that is silent for twice as long is dead.
    how = {"heartbeat_interval": 10, "heartbeat_stale_trial_callback": RETRY}
    for pause in (1, 2, 0):  # another worker may make the tables at the same time
        try:
            return RDBStorage(url, engine_kwargs={"pool_pre_ping": True}, **how)
        except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
            fault = getattr(error, "orig", None) or error
            time.sleep(pause)
    raise StudyError(
        "Expected the URL of a database that answers, as postgresql+psycopg://USER@HOST"
        f"/DATABASE. Received: {masked(url)}. {fault}"
    )


def masked(url: str) -> str:
    """Return a URL without its password."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return "no URL"
