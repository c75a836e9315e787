"""The trials of a search, with objectives that take no time: none lost, none twice."""

import collections
import threading
import time

import optuna
import pytest
import sqlalchemy
from joblib.externals.loky.process_executor import BrokenProcessPool
from optuna.trial import TrialState

from experiments import search_queue, search_space, search_storage

SPACE = {"x": search_space.even(-2.0, 2.0), "y": search_space.one_of(1, 2)}


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Function to a worker's queue over one SQLite file."""
    monkeypatch.setattr(search_queue, "POLL", 0.05)
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def queue(total, stop_after=None, seed=0, name="search"):
        storage = search_storage.open_storage(f"sqlite:///{tmp_path}/search.db")
        study = search_queue.create(storage, name)
        workers = search_storage.Workers(tmp_path)
        arguments = study, storage, SPACE, total, seed, workers, stop_after
        return search_queue.Queue(*arguments)

    return queue


def value(trial):
    return trial.params["x"] ** 2 + trial.params["y"]


def settings(queue):
    ended = search_queue.finished(queue.trials())
    return [ended[slot].params for slot in sorted(ended)]


def test_exactly_so_many_by_many_workers(opened):
    """Six workers end at the same time; nothing beyond the last trial is measured."""
    measured, lock = collections.Counter(), threading.Lock()
    together = threading.Barrier(6)
    errors = []

    def measure(trial):
        with lock:
            measured[trial.user_attrs["slot"]] += 1
        return value(trial)

    def work():
        try:
            queue = opened(20)
            together.wait(60)
            queue.run(measure)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert measured == {slot: 1 for slot in range(20)}
    queue = opened(20)
    trials = queue.trials()
    assert list(search_queue.finished(trials)) == list(range(20))
    counted = [t for t in trials if t.state == TrialState.COMPLETE]
    assert len(counted) == 20
    numbers = [trial.number for trial in trials]
    assert len(set(numbers)) == len(numbers)
    others = [t for t in trials if t.state != TrialState.COMPLETE]
    assert all(t.user_attrs.get("why") == search_queue.SURPLUS for t in others)


def test_a_surplus_trial_is_not_run(opened):
    """Two workers have made a trial for the same slot."""
    queue = opened(1)
    queue.add(0)
    queue.add(0)
    measured = []
    queue.run(lambda trial: measured.append(trial.number) or 1.0)
    assert measured == [0]
    states = [(t.state, t.user_attrs.get("why")) for t in queue.trials()]
    surplus = (TrialState.FAIL, search_queue.SURPLUS)
    assert states == [(TrialState.COMPLETE, None), surplus]


@pytest.mark.services
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_stopped_anywhere_it_suggests_what_it_would_have(opened, stop):
    """SystemExit leaves a running trial behind, as kill -9 does."""
    calls = []

    def stopped(trial):
        calls.append(trial)
        if len(calls) in (3, 4, 14):
            raise stop
        return value(trial)

    undisturbed = opened(16, name="undisturbed")
    undisturbed.run(value)
    for _ in range(4):
        queue = opened(16)
        try:
            queue.run(stopped)
        except stop:
            queue.workers.own.lock.close()  # the process has ended
    assert len(calls) == 19
    assert settings(queue) == settings(undisturbed)
    assert len(settings(queue)) == 16


def test_goes_further_with_more_trials(opened):
    opened(3).run(value)
    queue = opened(5)
    queue.run(value)
    assert len(settings(queue)) == 5
    opened(4).run(None)  # there is nothing to be done


def test_seeds_suggest_differently(opened):
    queues = [opened(2, seed=seed, name=str(seed)) for seed in (0, 1)]
    for queue in queues:
        queue.run(value)
    assert settings(queues[0]) != settings(queues[1])
    assert settings(queues[0])[0] != settings(queues[0])[1]


def test_a_worker_without_a_trial_waits_and_takes_over(opened):
    """One has died, and its heartbeat is all that tells; see the storage's test."""
    first = opened(1)
    begun, done = threading.Event(), threading.Event()

    def slow(trial):
        begun.set()
        done.wait(30)
        return 1.0

    thread = threading.Thread(target=lambda: first.run(slow))
    thread.start()
    begun.wait(30)
    second, looked = opened(1), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            search_queue.time, "sleep", lambda _: looked.append(1) or done.set()
        )
        second.run(None)
    thread.join()
    assert looked and len(settings(second)) == 1


def test_a_worker_taken_for_dead_does_not_count_twice(opened):
    first, second = opened(1), opened(1)

    def late(trial):
        first.study.tell(trial.number, state=TrialState.FAIL)  # as by its heartbeat
        second.run(lambda trial: 2.0)
        return 1.0

    first.run(late)
    ended = search_queue.finished(first.trials())
    assert [trial.value for trial in ended.values()] == [2.0]
    params = [t.params for t in first.trials()]
    assert params[0] == params[1]


@pytest.mark.services
def test_a_trial_that_kills_its_workers_counts_as_failed(opened):
    calls = []

    def deadly(trial):
        calls.append(trial.user_attrs["slot"])
        if calls[-1] == 0:
            raise SystemExit
        return value(trial)

    for _ in range(4):
        queue = opened(2)
        try:
            queue.run(deadly)
        except SystemExit:
            queue.workers.own.lock.close()
    assert calls == [0] * search_queue.ATTEMPTS + [1]
    states = [t.state for t in search_queue.finished(queue.trials()).values()]
    assert states == [TrialState.FAIL, TrialState.COMPLETE]


def test_errors_of_the_measure_come_through_and_are_not_the_trial_s(opened):
    def broken(trial):
        raise OSError("No space left on device")

    for _ in range(search_queue.ATTEMPTS + 1):
        queue = opened(1)
        with pytest.raises(OSError, match="No space left"):
            queue.run(broken)
    queue.run(value)
    (ended,) = search_queue.finished(queue.trials()).values()
    assert ended.state == TrialState.COMPLETE
    assert all(t.params == ended.params for t in queue.trials())


def test_a_part_s_process_that_was_killed_counts_as_a_death(opened):
    def killed(trial):
        raise BrokenProcessPool

    for _ in range(search_queue.ATTEMPTS):
        queue = opened(1)
        with pytest.raises(BrokenProcessPool):
            queue.run(killed)
    opened(1).run(None)
    (ended,) = search_queue.finished(queue.trials()).values()
    assert ended.state == TrialState.FAIL


def test_a_trial_whose_worker_died_elsewhere_is_taken_up(opened, monkeypatch):
    """Its heartbeats, of which there may be one only, are all that tells."""
    monkeypatch.setattr(search_storage, "GRACE", 1)
    died, queue = opened(1), opened(1)
    for one in (died, queue):
        one.workers.own.lock.close()
        one.workers.own.lock = None  # nothing is known of locks

    def dies_at_once(*arguments, **named):
        died.study.ask()
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(died.study, "optimize", dies_at_once)
        with pytest.raises(SystemExit):
            died.run(None)
    (trial,) = died.trials()
    assert trial.state == TrialState.RUNNING
    looks, sleep = [], search_queue.time.sleep

    def wait(seconds):
        looks.append(seconds)
        assert len(looks) < 200, "nobody takes it up"
        sleep(seconds)

    monkeypatch.setattr(search_queue.time, "sleep", wait)
    queue.run(value)
    states = [t.state for t in queue.trials()]
    assert states == [TrialState.FAIL, TrialState.COMPLETE] and looks


def test_a_storage_that_is_away_for_a_moment(opened, monkeypatch, caplog):
    """Neither heartbeats nor trials end with a connection."""
    monkeypatch.setattr(search_storage, "PAUSES", (0, 0))
    monkeypatch.setattr(search_storage, "HEARTBEAT", 1)
    queue = opened(2)
    engine, left = queue.storage.engine, collections.Counter()

    @sqlalchemy.event.listens_for(engine, "before_cursor_execute")
    def fail(connection, cursor, statement, *rest):
        what = "heartbeat" if "trial_heartbeats" in statement else "rest"
        if left[what] > 0:
            left[what] -= 1
            raise sqlalchemy.exc.OperationalError(statement, None, OSError("gone"))

    def beats():
        with engine.connect() as session:
            found = session.execute(
                sqlalchemy.text("SELECT heartbeat FROM trial_heartbeats")
            )
            return sorted(str(row[0]) for row in found)

    def measure(trial):
        before = beats()
        left.update(heartbeat=1, rest=2)
        trial.report(1.0, 1)
        for _ in range(100):
            if trial.number or (not left["heartbeat"] and beats() != before):
                return value(trial)
            time.sleep(0.1)
        raise AssertionError("no heartbeat follows the one that failed")

    queue.run(measure)
    assert [t.state for t in queue.trials()] == [TrialState.COMPLETE] * 2
    assert "heard no heartbeat: gone" in caplog.text
    assert "The storage failed: gone. Asking again" in caplog.text
    left.update(rest=10)
    with pytest.raises(optuna.exceptions.StorageInternalError):
        queue.trials()


def test_stops_after_trials_without_a_better_one(opened):
    queue = opened(30, stop_after=4)
    queue.run(lambda trial: abs(trial.user_attrs["slot"] - 2.0))
    assert len(settings(queue)) == 7
    opened(30, stop_after=4).run(None)
    queue = opened(9)
    queue.run(lambda trial: 5.0)
    assert len(settings(queue)) == 9


@pytest.mark.parametrize(("parts", "first"), [(None, 5), (9, 2)])
def test_prunes_what_is_hopeless_and_nothing_good(opened, parts, first):
    queue = opened(8)
    steps = {}

    def measure(trial):
        slot = trial.user_attrs["slot"]
        level = {5: 3.0, 6: 0.5}.get(slot, 1.0 + 0.01 * slot)  # hopeless, good
        for step in range(1, 10):
            noise = 0.1 if step % 2 else -0.1
            trial.report(level + noise, step)
            queue.study.pruner = search_queue.pruner(parts)
            steps[slot] = step
            if trial.should_prune():
                raise optuna.TrialPruned
        return level

    queue.run(measure)
    assert [steps[slot] for slot in range(5)] == [9] * 5  # nothing to compare with
    assert steps[5] == first and steps[6] == 9
    states = [t.state for t in search_queue.finished(queue.trials()).values()]
    assert states[5] == TrialState.PRUNED and states[6] == TrialState.COMPLETE
    assert search_queue.best(queue.trials()).number == 6
