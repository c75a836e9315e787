"""Independent parts of a study: here, in processes, or on a Dask cluster.

joblib runs them. What comes of a part is the same to the last digit wherever it is
computed with as many threads; how many follows from the number of all parts and this
machine's cores, never from the processes or workers.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool

_cached = {}


class WorkerLost(Exception):
    """A process that computed a part was ended, most often for lack of memory."""


def cores() -> int:
    """Cores that this process may use; `LOKY_MAX_CPU_COUNT` makes them fewer."""
    import joblib

    return joblib.cpu_count()


def threads_for(count: int) -> int:
    """Threads that each of so many parts may use."""
    return max(1, cores() // max(1, count))


def run_parallel(
    function: Callable,
    items: list[tuple],
    jobs: int | None = 1,
    dask: str | None = None,
    threads: int = 1,
) -> Iterator:
    """Compute the parts of a study.

    Args:
        function: computes one; takes an item, unpacked. Other processes have to find
            it in a module.
        items: a tuple per part.
        jobs: processes at once, `None` for one per core; 1 for this process.
        dask: address of a Dask scheduler, whose workers compute the parts instead.
            Workers have to run in this checkout, with one thread each.
        threads: that each part uses.

    Yields:
        `(number, result)` of each part, in the order in which they are done.

    Raises:
        WorkerLost: a process was ended; and what the function raises.
        OSError: no scheduler answers, or it has no workers like this program.
    """
    workers = max(1, min(jobs or cores(), len(items)))
    try:
        if dask:
            yield from _on_cluster(dask, function, items, threads)
        elif workers > 1:
            yield from _in_processes(workers, function, items, threads)
        else:
            for number, item in enumerate(items):
                yield _compute(function, number, item, threads)
    except BrokenProcessPool as error:
        raise WorkerLost(
            "A process that computed a part was ended by the system: most often the "
            "memory did not suffice. Fewer at once need less: --jobs."
        ) from error


def _in_processes(workers, function, items, threads):
    import joblib

    loky = {"n_jobs": workers, "inner_max_num_threads": threads, "max_nbytes": None}
    start = {"initializer": _start_process, "initargs": (os.getpid(), threads)}
    with joblib.parallel_config("loky", **loky, **start):
        parallel = joblib.Parallel(batch_size=1, return_as="generator_unordered")
    yield from parallel(
        joblib.delayed(_compute)(function, number, item, threads)
        for number, item in enumerate(items)
    )


def _on_cluster(address, function, items, threads):
    """Compute parts on a Dask cluster, which repeats those of a worker that dies.

    Not by joblib's Dask backend: that one scatters arguments to a worker, whose death
    loses them, and waits without end for a part that killed its workers.
    """
    import dask
    from distributed import Client, KilledWorker, as_completed

    # Data travel with the parts, which outlive any worker so.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})
    with contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(Client(address, timeout=5))
            client.get_versions(check=True)
        except ValueError as error:
            raise OSError(f"--dask {address}: {error}") from error
        if not client.nthreads():
            raise OSError(f"--dask: expected workers. Received: none at {address}.")
        futures = [
            client.submit(_in_own_process, function, number, item, threads, pure=False)
            for number, item in enumerate(items)
        ]
        try:
            for future in as_completed(futures):
                yield future.result()
        except KilledWorker as error:
            raise WorkerLost(
                f"Each Dask worker that took up one of the parts was ended: {error}. "
                "Most often the memory did not suffice."
            ) from error
        except CancelledError as error:
            raise WorkerLost(f"The scheduler at {address} was lost.") from error


def _in_own_process(function, number, item, threads):
    """Compute a part in a process of a Dask worker's own.

    In the worker's process other threads draw random numbers as well, so that the same
    seed would not give the same network.
    """
    from joblib.externals.loky import get_reusable_executor

    # The worker is its nanny's daemon, and those must not start processes.
    multiprocessing.current_process().daemon = False
    names = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"
    executor = get_reusable_executor(
        1,
        initializer=_start_process,
        initargs=(os.getpid(), threads),
        env=dict.fromkeys(names, str(threads)),
    )
    return executor.submit(_compute, function, number, item, threads).result()


def _start_process(study, threads):
    """Prepare a process for parts: Ctrl-C is not for it, and it ends with its study."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["TF_NUM_INTEROP_THREADS"] = str(threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    def watch():
        while os.getppid() == study:
            time.sleep(0.5)
        os._exit(1)  # nobody waits for it any more

    threading.Thread(target=watch, daemon=True).start()


def _compute(function, number, item, threads):
    from threadpoolctl import threadpool_limits

    configure_tensorflow(threads)
    with threadpool_limits(threads):
        return number, function(*item, threads=threads)


def configure_tensorflow(threads: int) -> None:
    """Make TensorFlow repeatable and quiet, with so many threads.

    Only before TensorFlow has begun can it be told the number of threads.
    """
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    tf.get_logger().setLevel("ERROR")  # a graph is traced for each of many models
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        for device in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(device, True)


def cached_in_process(key, make: Callable):
    """Return what `make` made, once per process for one part after the other.

    Args:
        key: what it is made of; with another one it is made anew.
        make: function without arguments.
    """
    if key not in _cached:
        _cached.clear()
        _cached[key] = make()
    return _cached[key]
