"""joblib's backend for Dask, and a watch on the cluster."""

import concurrent.futures
import contextlib
import sys
import threading
import time

from joblib._dask import DaskDistributedBackend

from experiments.common import StudyError

LONELY = 60  # seconds without a worker until it is given up
GONE = (
    "--dask: the connection to the scheduler is lost ({}). Start scheduler and workers "
    "anew. What is done is kept: --resume goes on."
)
NO_WORKERS = (
    "--dask: the cluster has had no workers for {} seconds. Start some, then go on "
    "with --resume."
)


class Backend(DaskDistributedBackend):
    """Does calls on the cluster, or says why it cannot.

    With joblib's own one, version 1.6, a cluster of a single thread would do nothing:
    the calls would be done here. An error that is not of the call itself (a worker
    ended, see `KilledWorker`) would be waited for without end, and so would workers.
    """

    def __init__(self, **options):
        super().__init__(wait_for_workers_timeout=0, **options)
        self.pending = set()

    def effective_n_jobs(self, n_jobs):
        """Calls at once, half of those that are handed to the cluster."""
        return max(2, super().effective_n_jobs(n_jobs))

    def submit(self, func, callback=None):
        future = super().submit(func, callback)
        self.pending.add(future)

        def ended(future):
            self.pending.discard(future)
            if callback and (error := future.exception()):
                callback(error)

        future.add_done_callback(ended)
        return future

    def retrieve_result_callback(self, out):
        if isinstance(out, concurrent.futures.CancelledError):
            raise StudyError(GONE.format(out)) from out
        if isinstance(out, BaseException):
            raise out
        return super().retrieve_result_callback(out)

    def start_call(self):
        super().start_call()
        self.stop = threading.Event()
        threading.Thread(target=self.watch, args=(self.stop,), daemon=True).start()

    def stop_call(self):
        self.stop.set()
        self.pending.clear()
        super().stop_call()

    def watch(self, stop):
        """Gives up when the cluster is gone; runs beside the calls."""
        since = time.monotonic()
        told = False
        while not stop.wait(1):
            message = NO_WORKERS.format(LONELY)
            try:
                if self.client.nthreads():
                    since, told = time.monotonic(), False
                    continue
            # Whatever it is: the scheduler does not answer.
            except Exception as error:
                message = GONE.format(str(error) or type(error).__name__)
            if not told:
                told = True
                print("--dask: no workers; waiting for one", file=sys.stderr)
            if time.monotonic() - since > LONELY:
                self.give_up(message)
                return

    def give_up(self, message):
        for future in list(self.pending):
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                future.set_exception(StudyError(message))
