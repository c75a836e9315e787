"""Runs of studies in processes of their own, several at once; none is left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time

from tqdm import tqdm

from experiments import parts
from experiments.one_run import GRACE

THREADS = "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"
LAST = 15  # lines of a log that are shown where a run failed


def run(planned, session, jobs, told):
    """Runs all that is planned; one that fails does not stop the others.

    Args:
        planned: list of `Planned`, what is left to do.
        session: the `Session`, for logs and results.
        jobs: how many at once.
        told: function that is called with each one that ended, and its exit status.

    Raises:
        KeyboardInterrupt: Ctrl-C; the runs were interrupted too, and have ended.
    """
    waiting, running = list(planned), {}
    bar = tqdm(total=len(waiting), unit="run", disable=None)
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                one = waiting.pop(0)
                running[one] = start(one, session, jobs)
                bar.set_postfix_str(", ".join(each.name for each in running))
            time.sleep(0.2)
            for one in [o for o, process in running.items() if ended(process)]:
                process = running.pop(one)
                end_group(process)
                bar.update()
                bar.clear()
                told(one, process.returncode)
            bar.set_postfix_str(", ".join(each.name for each in running))
    finally:
        stop(running.values())
        bar.close()


def start(one, session, jobs):
    """Starts a run in a session of its own, so that Ctrl-C reaches it through us."""
    session.result_file(one).unlink(missing_ok=True)
    again = ["--resume"] if session.resumed else []
    again += share(one, jobs)
    arguments = ["run", str(session.result_file(one)), one.study, *one.argv, *again]
    with open(session.log(one), "ab", buffering=0) as log:
        log.write(os.fsencode(" ".join(["$", one.command, *again]) + "\n"))
        # It holds the session's lock too: the session is at work until all have ended.
        held = [session.lock.fileno()] if session.lock else []
        how = {"stdout": log, "stderr": log, "env": environment(one, jobs)}
        return child(arguments, pass_fds=held, **how)


def child(arguments, **how):
    """A Python that ends when this one does: see `one_run.end_with_parent`."""
    command = [sys.executable, "-m", "experiments.one_run", *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, start_new_session=True, **how
    )


def share(one, jobs):
    """What a study of parts is told, where several run at once.

    It may do fewer parts at once, and each as it would alone: how many threads a part
    has, and so its last digits, must not depend on what else runs.
    """
    return ["--jobs", cores(jobs)] if one.jobs and jobs > 1 else []


def environment(one, jobs):
    """For the other studies, threads by their share; what the user said stays."""
    result = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if jobs > 1 and not one.jobs:
        for name in THREADS:
            result.setdefault(name, cores(jobs))
    return result


def cores(jobs):
    return str(max(1, parts.cores() // jobs))


def ended(process):
    return process.poll() is not None


def stop(processes):
    """Interrupts processes as Ctrl-C does, and ends what is left of them."""
    processes = list(processes)
    if processes:
        print("\nEnding the runs", file=sys.stderr)
    try:
        for process in processes:
            signal_group(process, signal.SIGINT)
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
    finally:
        for process in processes:
            end_group(process)


def end_group(process):
    """Ends a process and all that it has started."""
    signal_group(process, signal.SIGKILL)
    process.wait()
    process.stdin.close()


def signal_group(process, number):
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def last_lines(path):
    """The end of a log, or what there is of it."""
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        return f"{path}: {error.strerror}"
    return "\n".join(text.splitlines()[-LAST:])
