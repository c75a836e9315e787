"""Parts of a study that do not need each other: in processes, or on a Dask cluster.

joblib runs them. What comes of a part is the same to the last digit wherever it is
done with as many threads. How many it may use follows from the number of parts and of
the study's cores, never from the processes or workers; config.json says it.
"""

import contextlib
import json
import os
import signal
from dataclasses import dataclass

from experiments import common, faults

PARTS = "parts done at once, each in a process of its own"
_kept = {}


@dataclass(frozen=True)
class Spread:
    """Where the parts of a study are done.

    Attributes:
        jobs: processes at once on this machine; `None` for one a core.
        dask: address of a Dask scheduler, whose workers do them instead, or `None`.
    """

    jobs: int | None = 1
    dask: str | None = None

    def workers(self, count):
        """Processes at once for so many parts; with one, it is this process."""
        return max(1, min(self.jobs or cores(), count))

    @contextlib.contextmanager
    def opened(self):
        """Holds the connection to the cluster, where there is one.

        Raises:
            StudyError: there is no scheduler, or a worker that cannot do the work.
        """
        if self.dask is None:
            yield
            return
        from experiments.parts_dask import connected

        with connected(self.dask):
            yield

    def joblib(self, **local):
        """The `joblib.parallel_config` to this effect; `local` for this machine.

        In its processes TensorFlow has one thread, if `local` does not say more.
        """
        import joblib

        if self.dask:
            from experiments.dask_backend import Backend

            return joblib.parallel_config(Backend(), n_jobs=-1)
        ends = {"initializer": begin, "initargs": (os.getpid(), 1)}
        return joblib.parallel_config("loky", **{**ends, **local})


def add_options(parser, jobs=None, what=PARTS):
    """Adds `--jobs` and `--dask`.

    Args:
        parser: the study's.
        jobs: the number by default, `None` for one a core.
        what: of what so many are done, and how.
    """
    group = parser.add_argument_group("parts").add_mutually_exclusive_group()
    group.add_argument(
        "--jobs",
        type=common.positive,
        default=jobs,
        metavar="N",
        help=f"{what} (default: {jobs or 'one a core'})",
    )
    group.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="does them on the workers of a Dask cluster instead: address of its "
        "scheduler, such as tcp://host:8786",
    )


def cores():
    """Cores that this process may use.

    `LOKY_MAX_CPU_COUNT` in the environment makes them fewer, and so do the quota of a
    container and the processor affinity.
    """
    import joblib

    return joblib.cpu_count()


def threads(count):
    """Threads that each of so many parts may use."""
    return max(1, cores() // max(1, count))


def threads_of(run, count):
    """The same for the parts of a run, and written into its config.json.

    With another number of threads the last digits are others. So a run that is gone on
    with keeps the number it began with, whatever this machine has.

    Args:
        run: the `Run`, its config.json written.
        count: number of all its parts.
    """
    now, file = threads(count), run.folder.work / "threads"
    try:
        number = int(file.read_text())
    except (OSError, ValueError):
        number = now
        partial = file.with_name("threads.partial")
        partial.write_text(f"{number}\n")
        os.replace(partial, file)
    if number != now:
        print(
            f"Each part goes on with {number} threads, as the run began: the last "
            f"digits depend on it. A new run would take {now} here.",
            flush=True,
        )
    config = json.loads((run.folder.path / "config.json").read_text())
    run.folder.write_json("config.json", {**config, "threads": number})
    return number


def each(function, items, spread, threads, shared=()):
    """Does the parts of a study.

    Args:
        function: what does one: takes `shared` and an item, both unpacked. Other
            processes have to find it in a module.
        items: a tuple for each part.
        spread: the `Spread`.
        threads: to be used by each part, from `threads`.
        shared: what all parts take, a tuple.

    Yields:
        `(place, result)`: the item's place and what the function returned, in the
        order in which they get done.

    Raises:
        StudyError: the cluster is gone; and what the function raises.
    """
    items = list(items)
    if spread.dask is None and spread.workers(len(items)) == 1:
        for place, item in enumerate(items):
            yield do(function, shared, place, item, threads)
        return
    if spread.dask:
        from experiments.parts_dask import done
    else:
        done = _in_processes
    yield from done(
        [(function, shared, place, item, threads) for place, item in enumerate(items)],
        spread,
    )


def _in_processes(calls, spread):
    import joblib

    local = {
        "n_jobs": spread.workers(len(calls)),
        "initializer": begin,
        "initargs": (os.getpid(), calls[0][-1]),
        "inner_max_num_threads": calls[0][-1],
        "max_nbytes": None,  # no files to be left behind
    }
    with spread.joblib(**local):
        parallel = joblib.Parallel(batch_size=1, return_as="generator_unordered")
    yield from parallel(joblib.delayed(do)(*call) for call in calls)


def begin(study, threads):
    """In a process that does parts: Ctrl-C is not for it, and it ends with its study.

    Args:
        study: process id of what started it.
        threads: that its parts may use.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["TF_NUM_INTEROP_THREADS"] = str(threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    faults.end_with(study)


def do(function, shared, place, item, threads):
    """Does a part in this process; returns its place and what came of it."""
    from threadpoolctl import threadpool_limits

    ready(threads)
    with threadpool_limits(threads):
        return place, function(*shared, *item)


def ready(threads):
    """TensorFlow for this process: so many threads, repeatable, quiet.

    Only before TensorFlow has begun can it be told the number of threads.

    Returns:
        Whether it has as many.
    """
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    tf.get_logger().setLevel("ERROR")  # a graph is traced for each of many models
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        for device in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(device, True)
    except RuntimeError:
        return False
    return True


def kept(key, make):
    """What `make` returns, made once in a process for one part after the other.

    Args:
        key: what it is made of; with another one it is made anew.
        make: function without arguments.
    """
    if key not in _kept:
        _kept.clear()
        _kept[key] = make()
    return _kept[key]
