"""What `experiments.all` starts in a process of its own: one run of a study.

`python -m experiments.one_run run RESULT STUDY [the study's options]` runs it and
writes `RESULT`, which names its run folder. `... declare STUDY...` prints what these
studies declare: to ask them, TensorFlow has to be loaded.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.all")

import importlib
import json
import os
import pathlib
import signal
import sys
import threading
import time

from experiments import sessions

GRACE = 30  # seconds for a study to end after Ctrl-C


def main(argv=None):
    action, *arguments = sys.argv[1:] if argv is None else argv
    # Whoever ignored Ctrl-C before, as a shell does for what runs in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=end_with_parent, daemon=True).start()
    {"run": run, "declare": declare}[action](*arguments)


def end_with_parent():
    """Ends this process and its workers once nobody holds the other end of its stdin.

    So it ends with whoever started it, whatever that one died of. First as with
    Ctrl-C, which leaves an unfinished run that can be gone on with.
    """
    while os.read(0, 1024):
        pass
    # A group that it does not lead is somebody else's too.
    end = os.killpg if os.getpgrp() == os.getpid() else os.kill
    end(os.getpid(), signal.SIGINT)
    time.sleep(GRACE)
    end(os.getpid(), signal.SIGKILL)


def run(result, study, *argv):
    started = time.monotonic()
    folder = module(study).main(list(argv))
    seconds = round(time.monotonic() - started, 1)
    told = {"folder": str(folder.resolve()), "seconds": seconds}
    sessions.write_json(pathlib.Path(result), told)


def declare(*studies):
    told = {}
    for name in studies:
        study = module(name).STUDY
        told[name] = {"paper": study.paper_protocol, "quick": flags(study.quick)}
        told[name]["jobs"] = takes_jobs(name)
    print(json.dumps(told))


def takes_jobs(study):
    """Whether a study is made of parts, and has the option `--jobs`."""
    return "jobs" in vars(module(study).parser().parse_args([]))


def module(study):
    return importlib.import_module(f"experiments.{study}")


def flags(settings):
    """Settings as a command line."""
    result = []
    for name, value in settings.items():
        name = name.replace("_", "-")
        if isinstance(value, bool):
            result.append(f"--{name}" if value else f"--no-{name}")
        else:
            values = value if isinstance(value, list) else [value]
            result += [f"--{name}", *map(str, values)]
    return result


if __name__ == "__main__":
    main()
