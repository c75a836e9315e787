"""Calls readers that may crash, as asked line by line; see `fuzzing.Sandbox`.

Memory is bounded, so that a file that asks for all of it is found out.
"""

import hashlib
import importlib
import json
import os
import resource
import sys
import types
import warnings

ROOM = 3 * 2**30  # bytes beyond what the imports take


def digest(array):
    """An array's shape and content, short."""
    return [list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]


def workbook(book):
    series = [
        [video, observer, [None if v != v else float(v) for v in samples]]
        for video, observers in book.series.items()
        for observer, samples in observers.items()
    ]
    return [series, list(book.ignored)]


def video(path):
    from zoo.inputs.video_frames import Video

    count, size = 0, None
    with Video(path) as frames:
        for _, frame in frames:
            count, size = count + 1, list(frame.shape)
            if count == 200:
                break
    return [count, size]


def reader(module, name, made):
    def call(path, **options):
        return made(getattr(importlib.import_module(module), name)(path, **options))

    return call


CALLS = {
    "pupil": reader("zoo.inputs.pupil_files", "read", workbook),
    "pupil_own": reader("zoo.inputs.pupil_files", "read_own", workbook),
    "picture": reader("zoo.inputs.pictures", "read", digest),
    "training picture": reader("datasets.pictures", "read", digest),
    "points": reader("zoo.inputs.landmark_files", "read", lambda t: digest(t.points)),
    "video": video,
}


def limit():
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, resource.RLIM_INFINITY))


def main():
    sys.path[:0] = [os.getcwd()]
    # The package without its models: no reader needs Keras, which takes seconds.
    sys.modules["zoo"] = types.ModuleType("zoo")
    sys.modules["zoo"].__path__ = [os.path.join(os.getcwd(), "zoo")]
    # What a reader's libraries print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    known = set()
    for line in sys.stdin:
        call, path, options = json.loads(line)
        path = os.fsdecode(path.encode("latin-1"))
        if call not in known:  # imports first
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
            try:
                CALLS[call](os.path.join(os.path.dirname(path), "absent"), **options)
            except Exception:  # noqa: S110
                pass
            known.add(call)
            limit()
        answer = [None, None, None]
        try:
            answer[0] = CALLS[call](path, **options)
        except BaseException as error:
            answer[1:] = type(error).__name__, str(error)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
