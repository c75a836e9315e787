"""One worker of a search: does trials until those of all workers are enough."""

import shutil
import sys
import time
import warnings

import filelock
import optuna
import sqlalchemy
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from experiments.harness.run_folder import RunFolder
from experiments.harness.study import StudyError
from experiments.search.objective import Search

warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)

HEARTBEAT = 10  # seconds; a worker that is silent for twice as long is dead
COUNTED = TrialState.COMPLETE, TrialState.PRUNED  # not those of killed workers
# A trial that has killed its worker three times is given up.
RETRY = RetryHeartbeatStaleTrialCallback(max_retry=2)


def work(search: Search) -> optuna.Study:
    """Do trials until there are enough."""
    options = search.options

    def after_trial(study, trial):
        retry_killed(search, study)
        if is_stuck(study, options.stop_after):
            study.stop()

    optuna.logging.set_verbosity(optuna.logging.INFO)
    try:
        study = optuna.create_study(
            study_name=search.folder.name,
            storage=open_storage(options.storage, search.folder),
            pruner=optuna.pruners.MedianPruner(),
            load_if_exists=True,
        )
        retry_killed(search, study)
        left = options.trials - len(study.get_trials(states=COUNTED))
        if left > 0 and not is_stuck(study, options.stop_after):
            enough = optuna.study.MaxTrialsCallback(options.trials, COUNTED)
            study.optimize(
                search.measure,
                n_trials=left,
                callbacks=[after_trial, enough],
                show_progress_bar=sys.stderr.isatty(),
            )
    except optuna.exceptions.StorageInternalError as error:
        raise StudyError(f"The storage failed: {error.__cause__}") from error
    return study


def open_storage(url: str | None, folder) -> optuna.storages.BaseStorage:
    """Open the database of a search; by default it is a file in its folder.

    Raises:
        StudyError: there is no such database, or no driver for it.
    """
    if url is None:
        backend = optuna.storages.journal.JournalFileBackend(str(folder / "trials.log"))
        return optuna.storages.JournalStorage(backend)
    for pause in (1, 2, 0):  # another worker may make the tables at the same time
        try:
            return optuna.storages.RDBStorage(
                url,
                engine_kwargs={"pool_pre_ping": True},
                heartbeat_interval=HEARTBEAT,
                heartbeat_stale_trial_callback=RETRY,
            )
        except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
            fault = getattr(error, "orig", None) or error
            time.sleep(pause)
    raise StudyError(
        "Expected the URL of a database that answers, as postgresql+psycopg://USER@HOST"
        f"/DATABASE. Received: {masked(url)}. {fault}"
    )


def masked(url: str) -> str:
    """A URL without its password."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return "no URL"


def retry_killed(search: Search, study: optuna.Study) -> None:
    """Queue the trials again whose workers were killed on this machine.

    A file has no heartbeats: what tells is the lock of the folder a trial works in.
    """
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        path = search.scratch(trial)
        if not (path / "work" / "lock").exists():
            continue
        try:
            left = RunFolder(path, resumed=False)
        except filelock.Timeout:
            continue  # its worker is alive
        ended = study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
        if ended.state == TrialState.FAIL:
            RETRY(study, trial)
        left.lock.release()
        shutil.rmtree(path, ignore_errors=True)


def best_trial(study: optuna.Study) -> FrozenTrial | None:
    """Return the trial with the lowest loss, the first of equals."""
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    return min(complete, key=lambda trial: trial.value, default=None)


def is_stuck(study: optuna.Study, stop_after: int | None) -> bool:
    """Whether the last trials brought nothing better."""
    number = getattr(best_trial(study), "number", -1)
    since = [t for t in study.get_trials(states=COUNTED) if t.number > number]
    return stop_after is not None and len(since) >= stop_after
