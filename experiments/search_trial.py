"""One trial of a search: trained, measured, pruned or failed, and told."""

import dataclasses
import math
import shutil
import sys
import time

import optuna
from tqdm import tqdm

from experiments import common, search_code, search_queue, search_space
from experiments.run_folder import RunFolder

DIVERGED = "The training diverged"  # so every study begins to say it
# What Optuna is told of such a trial, so that it suggests others: the loss of answers
# that are all wrong and as sure as they can be.
WORST = -math.log(1e-12)


def measured(told, measure, workers, progress):
    """The function that measures an Optuna trial."""

    def trial_value(trial):
        folder = RunFolder(workers.own.path / "trial", resumed=False)
        settings = {**told.run.settings, **trial.params}
        run = dataclasses.replace(told.run, settings=settings, folder=folder)
        started, steps = time.monotonic(), []
        trial.set_user_attr("code", search_code.here())

        def report(value, parts=None):
            steps.append(value)
            trial.study.pruner = search_queue.pruner(parts)
            if not math.isfinite(value):
                raise common.StudyError(f"{DIVERGED}: its loss is {value}.")
            trial.report(value, len(steps))
            if trial.should_prune():
                progress.line(trial, f"pruned after {len(steps)}: {value:.4f}")
                raise optuna.TrialPruned

        try:
            result = measure(run, report)
            if not math.isfinite(result["loss"]):
                raise common.StudyError(f"{DIVERGED}: its loss is {result['loss']}.")
        except Exception as error:
            why = failed(error)
            if why is None:
                raise
            trial.set_user_attr("why", why)
            progress.line(trial, f"FAILED: {why}")
            if why.startswith(DIVERGED):
                # As a failed one it would teach the sampler nothing.
                trial.report(WORST, len(steps) + 1)
                raise optuna.TrialPruned from error
            return float("nan")
        finally:
            if folder.lock:
                folder.lock.close()
            shutil.rmtree(folder.path, ignore_errors=True)
        for name in ("balanced_accuracy", "roc_auc"):
            trial.set_user_attr(name, result[name])
        trial.set_user_attr("seconds", round(time.monotonic() - started, 1))
        progress.line(trial, f"{result['loss']:.4f}", result["loss"])
        return result["loss"]

    return trial_value


def failed(error):
    """Why a trial counts as failed; `None` where its settings are not to blame."""
    if isinstance(error, common.StudyError) and str(error).startswith(DIVERGED):
        return str(error)
    memory = isinstance(error, MemoryError)
    if memory or type(error).__name__ == "ResourceExhaustedError":
        return "The memory does not suffice."
    return None


class Progress:
    """A bar over all trials, with the best value, and a line for each own trial."""

    def __init__(self, queue):
        self.queue = queue

    def __enter__(self):
        self.bar = tqdm(total=self.queue.total, unit="trial", disable=None)
        return self

    def __exit__(self, *error):
        self.bar.close()

    def update(self):
        trials = self.queue.trials()
        found = search_queue.best(trials)
        if found is not None:
            self.bar.set_postfix_str(f"best {found.value:.4f}")
        self.bar.update(len(search_queue.finished(trials)) - self.bar.n)

    def line(self, trial, text, value=None):
        found = search_queue.best(self.queue.trials())
        if value is not None and (found is None or value < found.value):
            text += " (best so far)"
        settings = ", ".join(
            f"{name} {search_space.shown(value)}"
            for name, value in trial.params.items()
        )
        slot = search_queue.slot_of(trial)
        self.bar.write(f"trial {slot + 1}: {text}; {settings}")
        sys.stdout.flush()
