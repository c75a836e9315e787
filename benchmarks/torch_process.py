"""A PyTorch process that is measured beside us and waits in between."""

import contextlib
import subprocess


@contextlib.contextmanager
def torch_timer(python, loop, *arguments):
    """Starts a script with an interpreter that has PyTorch.

    Args:
        python: the interpreter.
        loop: path of the script, which answers every line of numbers on standard input
            with a line of times.
        arguments: of the script.

    Yields:
        Function from numbers to the list of times.
    """
    command = list(map(str, [python, loop, *arguments]))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:

        def measure(*numbers):
            with contextlib.suppress(BrokenPipeError):
                print(*numbers, file=process.stdin, flush=True)
            times = process.stdout.readline().split()
            if not times:
                raise SystemExit(f"{python} could not run {loop}: is PyTorch there?")
            return [float(time) for time in times]

        yield measure
        process.stdin.close()
