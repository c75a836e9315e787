"""A Dask cluster for the parts of a study: connection, checks, work."""

import concurrent.futures
import contextlib
import functools
import hashlib
import importlib.metadata
import multiprocessing
import os
import pathlib
import platform
import threading

from experiments import parts
from experiments.common import StudyError

START = "python -m dask worker {}"
PACKAGES = "numpy pandas scikit-learn xgboost tensorflow keras joblib".split()
PACKAGES += ["cloudpickle"]
ENDED = (
    "--dask: each worker that took up one of the parts was ended: {}. Most often the "
    "memory did not suffice. Give the workers more (--memory-limit); --resume goes on."
)
OUTSIDE = (
    "--dask: a worker that joined later is not in this checkout ({}). Start it there, "
    "then go on with --resume."
)
SECONDS = 5  # to wait for the scheduler
IDLE = 300  # seconds until a process without work ends


@contextlib.contextmanager
def connected(address):
    """Holds a connection to the scheduler, its workers checked.

    Raises:
        StudyError: it does not answer, or a worker cannot do the work.
    """
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise StudyError(f"--dask: {error}. Install requirements.txt.") from error
    # Data go to the cluster in parts as large as they are.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})
    try:
        client = Client(address, timeout=SECONDS)
    except (OSError, ValueError, TypeError) as error:
        raise StudyError(
            f"--dask {address}: no scheduler answers there. Start one (python -m dask "
            f"scheduler), and workers in this checkout ({START.format(address)}). "
            f"{type(error).__name__}: {error}"
        ) from error
    with client:
        check(client, address)
        yield


def check(client, address):
    """Checks that every worker can do the parts as they are done here."""
    start = f"Start workers in this checkout: {START.format(address)}"
    if not client.nthreads():
        raise StudyError(f"--dask {address}: the cluster has no workers. {start}")

    # Before anything goes there as code, which another Python may not understand.
    for worker, version in client.run(platform.python_version).items():
        compare({"python": platform.python_version()}, {"python": version}, worker)

    # Inside a function it goes there as code: they may not be able to import it.
    def probe():
        from experiments import parts_dask

        return parts_dask.same_here()

    ours = same_here()
    for worker, theirs in client.run(probe, on_error="return").items():
        if isinstance(theirs, BaseException):
            raise StudyError(
                f"--dask {address}: worker {worker} cannot import `experiments` "
                f"({theirs}). {start}"
            )
        compare(ours, theirs, worker)


def compare(ours, theirs, worker):
    """Compares what a worker has with what the study has; see `same_here`.

    Raises:
        StudyError: it is not the same.
    """
    for name, what in ours.items():
        if theirs.get(name) != what:
            raise StudyError(
                f"--dask: worker {worker} has another {name} than this study: "
                f"{theirs.get(name)}, not {what}. Install the same, and start it anew."
            )


@functools.cache
def same_here():
    """What has to be the same everywhere: versions, and this checkout's content."""
    content = hashlib.sha256()
    root = pathlib.Path(__file__).resolve().parents[1]
    for package in ("datasets", "experiments", "zoo"):
        for path in sorted((root / package).rglob("*.py")):
            content.update(path.read_bytes())
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"checkout": content.hexdigest()[:12], **found}


def seen_by_all(folders):
    """Checks that the workers see folders of this machine.

    Raises:
        StudyError: one of them does not.
    """
    from distributed import default_client

    paths = [pathlib.Path(folder).resolve() for folder in folders]

    def missing():
        return [str(path) for path in paths if not path.is_dir()]

    for worker, unseen in default_client().run(missing).items():
        if unseen:
            raise StudyError(
                f"--dask: worker {worker} does not see {' and '.join(unseen)}. Data "
                "and run folder (--out) have to lie on a file system that all share."
            )


def done(calls, spread):
    """Does the parts on the cluster; see `parts.each`."""
    import joblib
    from distributed import default_client
    from distributed.scheduler import KilledWorker

    function, shared = calls[0][:2]
    # As a task of its own it goes to each worker once, and outlives any of them.
    shared = default_client().submit(tuple, shared, pure=False)
    ours = {"python": platform.python_version(), **same_here()}
    with spread.joblib():
        parallel = joblib.Parallel(batch_size=1, return_as="generator_unordered")
    try:
        yield from parallel(
            joblib.delayed(handed_on)(ours, function, shared, *rest)
            for _, _, *rest in calls
        )
    except KilledWorker as error:
        raise StudyError(ENDED.format(error)) from error
    except ModuleNotFoundError as error:
        if error.name != "experiments":
            raise
        raise StudyError(OUTSIDE.format(error)) from error


def handed_on(ours, *call):
    """Does a part in a process of the worker's own, as --jobs does.

    In the worker's process, whose other threads draw random numbers too, the same seed
    is not the same network; and TensorFlow could be told its threads only once.

    Args:
        ours: what has to be the same here; a worker may have joined since `check`.
        call: arguments of `parts.do`.
    """
    from joblib.externals.loky.process_executor import BrokenProcessPool

    theirs = {"python": platform.python_version(), **same_here()}
    compare(ours, theirs, platform.node())
    future = own_process(call[-1]).submit(parts.do, *call)
    # Not future.result(timeout=1): a part may raise a TimeoutError of its own.
    while not concurrent.futures.wait([future], timeout=1).done:
        if unwanted():
            give_up(kill_workers=True)
            raise InterruptedError("The study has ended.")
    try:
        return future.result()
    except BrokenProcessPool:
        give_up()
        raise


_of_thread = threading.local()


def own_process(threads):
    """The process that belongs to this thread of a worker, for parts of so many."""
    from joblib.externals.loky import ProcessPoolExecutor

    if getattr(_of_thread, "threads", None) == threads:
        return _of_thread.process
    give_up()
    # The worker is its nanny's daemon, and those must not start others.
    multiprocessing.current_process().daemon = False
    names = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"
    _of_thread.process = ProcessPoolExecutor(
        1,
        timeout=IDLE,
        initializer=parts.begin,
        initargs=(os.getpid(), threads),
        env={name: str(threads) for name in names},
    )
    _of_thread.threads = threads
    return _of_thread.process


def give_up(**how):
    """Ends this thread's process, if it has one."""
    if getattr(_of_thread, "threads", None):
        _of_thread.process.shutdown(**how)
    _of_thread.threads = None


def unwanted():
    """Whether the study that this thread of a worker works for has ended."""
    from distributed import get_worker

    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    return task is None or task.state == "cancelled"
