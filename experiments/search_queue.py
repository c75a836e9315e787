"""Who does which trial of a search: N in all, none lost, none counted twice.

A search of N trials has N slots. Optuna hands out its trials; this decides which ones
there are: a slot is held by the first trial that was made for it and not given up. A
trial is given up where its worker was interrupted or died, and then the slot gets
another one, with the same settings. Everything follows from what lies in the storage,
so that it makes no difference which worker dies, or when.

Optuna's own callbacks do not do: with several workers `MaxTrialsCallback` looks only
after a trial, and those that the others have begun by then come on top.
`RetryHeartbeatStaleTrialCallback` hears of no interruption, and its new trial is made
after the old one was given up: a worker that dies between the two loses it.
"""

import collections
import contextlib
import math
import time
import warnings

import numpy as np
import optuna
from optuna.trial import TrialState

INTERRUPTED, SURPLUS = "interrupted", "surplus"
# A trial whose workers died so often most likely kills them: it takes no others along.
ATTEMPTS = 3
POLL = 2.0  # seconds between looks at what other workers do
STARTUP = 5  # complete trials before one is pruned
# A fifth of a trial's parts, or so many epochs, before it is.
SHARE, EPOCHS = 5, 5
# A part's process was ended by the system: its setting may be what does it.
KILLED = "TerminatedWorkerError", "BrokenProcessPool"


def holders(trials):
    """The trial that stands for each slot.

    Args:
        trials: all trials of an Optuna study.

    Returns:
        Dict of slots to `FrozenTrial`.
    """
    died, held = collections.Counter(), {}
    for trial in sorted(trials, key=lambda t: t.number):
        slot, why = trial.user_attrs.get("slot"), trial.user_attrs.get("why")
        if slot is None or slot in held or why in (INTERRUPTED, SURPLUS):
            continue
        if trial.state == TrialState.FAIL and why is None:  # its worker died
            died[slot] += 1
            if died[slot] < ATTEMPTS:
                continue
        held[slot] = trial
    return held


def finished(trials):
    """The trials that count and are over, by slot."""
    held = holders(trials)
    return {slot: held[slot] for slot in sorted(held) if held[slot].state.is_finished()}


def completed(trials):
    """Those of them that were measured to the end."""
    ended = finished(trials).values()
    return [trial for trial in ended if trial.state == TrialState.COMPLETE]


def best(trials):
    """The complete trial with the lowest value, the first of equals; or `None`."""
    return min(completed(trials), key=lambda t: t.value, default=None)


class Queue:
    """The trials of a search, as one worker sees them.

    Args:
        study: the Optuna study.
        storage: its `RDBStorage`.
        space: distributions by setting.
        total: number of trials.
        seed: of the suggestions.
        workers: the `search_storage.Workers`.
        stop_after: trials without a better one before no new one starts, or `None`.
    """

    def __init__(self, study, storage, space, total, seed, workers, stop_after=None):
        self.study, self.storage, self.space = study, storage, space
        self.total, self.seed, self.stop_after = total, seed, stop_after
        self.workers = workers
        self.error = None

    def trials(self):
        return self.study.get_trials(deepcopy=False)

    def run(self, measure, seen=lambda: None):
        """Does trials until all are done, by this worker or another one.

        Args:
            measure: function of an Optuna trial with suggested settings to its value.
            seen: called after each look at the storage.
        """
        while True:
            self.bury()
            trials = self.trials()
            held = holders(trials)
            seen()
            ours = {slot: t for slot, t in held.items() if slot < self.total}
            states = [trial.state for trial in ours.values()]
            if TrialState.WAITING in states or surplus(trials, held):
                self.run_one(measure, held)
            elif len(ours) < self.total and not self.exhausted(held):
                self.add(min(set(range(self.total)) - ours.keys()))
            elif TrialState.RUNNING in states:
                time.sleep(POLL)
            else:
                return

    def exhausted(self, held):
        """Whether the last trials brought nothing better."""
        if self.stop_after is None:
            return False
        ended = [slot for slot in sorted(held) if held[slot].state.is_finished()]
        found = best(held.values())
        since = ended if found is None else ended[ended.index(slot_of(found)) + 1 :]
        return len(since) >= self.stop_after

    def bury(self):
        """Gives up the trials of dead workers."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            optuna.storages.fail_stale_trials(self.study)
        for trial in self.trials():
            worker = trial.user_attrs.get("worker")
            if trial.state == TrialState.RUNNING and self.workers.dead(worker):
                # Another worker may be faster.
                with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
                    self.study.tell(
                        trial.number, state=TrialState.FAIL, skip_if_finished=True
                    )
                self.workers.remove(worker)

    def add(self, slot):
        """Makes a trial for a slot, with the settings of those before it, if any."""
        before = [t for t in self.trials() if t.user_attrs.get("slot") == slot]
        known = [t.params for t in before if t.params.keys() == self.space.keys()]
        fixed = {"fixed_params": known[-1]} if known else {}
        self.study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.WAITING,
                user_attrs={"slot": slot},
                system_attrs=fixed,
            )
        )

    def run_one(self, measure, held):
        """Does one of the waiting trials."""
        for trial in held.values():
            if trial.state == TrialState.WAITING:
                # From here on it has a heartbeat, even if this process ends right now.
                self.storage.record_heartbeat(trial._trial_id)
        self.error = None
        # What Optuna says of a trial that is over when it wants to end it.
        over = ValueError, AssertionError, optuna.exceptions.UpdateFinishedTrialError
        try:
            self.study.optimize(lambda trial: self.claim(trial, measure), n_trials=1)
        except over as error:
            if error is self.error:
                raise
            # Another worker took this one for dead, and does its trial.

    def claim(self, trial, measure):
        """Measures a trial, unless another one holds its slot."""
        trial.set_user_attr("worker", self.workers.name)
        slot = trial.user_attrs.get("slot")
        holder = holders(self.trials()).get(slot)
        if holder is None or holder.number != trial.number:
            trial.set_user_attr("why", SURPLUS)
            return float("nan")
        self.study.sampler = sampler(self.seed, slot)
        try:
            for name, distribution in self.space.items():
                trial._suggest(name, distribution)
            return measure(trial)
        except (optuna.TrialPruned, optuna.exceptions.UpdateFinishedTrialError):
            raise
        except (Exception, KeyboardInterrupt) as error:
            self.error = error
            if type(error).__name__ not in KILLED:
                # Not the setting's fault: it is tried again when the search goes on.
                with contextlib.suppress(optuna.exceptions.OptunaError):
                    trial.set_user_attr("why", INTERRUPTED)
            raise


def surplus(trials, held):
    """Whether a trial waits for a slot that another one holds."""
    kept = {trial.number for trial in held.values()}
    return any(
        trial.state == TrialState.WAITING and trial.number not in kept
        for trial in trials
    )


def slot_of(trial):
    return trial.user_attrs["slot"]


def sampler(seed, slot):
    """Suggests by what is known and by seed and slot, whatever was drawn before."""
    state = np.random.SeedSequence([seed, slot]).generate_state(1)
    return optuna.samplers.TPESampler(seed=int(state[0]))


def pruner(parts=None):
    """Optuna's median rule; `parts` of a trial, or `None` for epochs."""
    wait = EPOCHS if parts is None else math.ceil(parts / SHARE)
    return optuna.pruners.MedianPruner(STARTUP, wait)


def create(storage, name):
    """The Optuna study of a name, new or as it is."""
    return optuna.create_study(
        study_name=name,
        storage=storage,
        direction="minimize",
        pruner=pruner(),
        load_if_exists=True,
    )
