"""`python -m zoo predict`: files in, tables and drawn copies out."""

import contextlib
import os
import sys
import warnings

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from zoo import _annotate, _files, _tables
from zoo.inputs import video
from zoo.trained_run import load_run, parts

SAMPLE = (
    "This model was trained on the SAMPLE, made by code: what it says of people means "
    "nothing."
)
LIMITS = (
    "An estimate for research, and no lie detector: do not judge people by it "
    "(python -m zoo card {run})."
)
WHOLE = (
    "In this run's training pictures no faces were found: pictures are taken whole, as "
    "they were in training."
)
DRAWN = ("pictures", "tracks")  # inputs that can be drawn into


def predict(options):
    """Do the work of the command.

    Args:
        options: of the command line: `run`, `inputs`, `out`, `annotate`, `part`,
            `whole`.

    Returns:
        0, or 1 if some inputs could not be read or drawn.

    Raises:
        ValueError, OSError, ImportError: nothing was done; the message is for the user.
    """
    if options.out is not None:
        _tables.check(options.out)
        _tables.check(frames_file(options.out))
    if hasattr(sys.stdout, "reconfigure"):  # names in bytes that are no text
        sys.stdout.reconfigure(errors="backslashreplace")
    given = list_inputs(options.inputs)
    names = [options.part] if options.part is not None else parts(options.run)
    names = [""] if "" in names else names
    runs = {name: load_run(options.run, name) for name in names}
    with warnings.catch_warnings():
        # As a line, without the place in our code that they come from.
        warnings.showwarning = lambda message, *_, **__: tell(f"warning: {message}")
        return Prediction(options, runs, given).work()


def list_inputs(inputs):
    """Return the inputs' names, with those on standard input in the place of `-`."""
    names = []
    for name in inputs:
        if name == "-":
            # File names are bytes, and not all of them are text.
            lines = os.fsdecode(sys.stdin.buffer.read()).split("\n")
            names += [line.rstrip("\r") for line in lines if line.strip()]
        else:
            names.append(name)
    if not names:
        raise ValueError("expected the names of files on standard input, got none")
    return names


class Prediction:
    """One call of the command.

    Args:
        options: of the command line.
        runs: dict of parts to `TrainedRun`, all of one run folder.
        given: files and folders.
    """

    def __init__(self, options, runs, given):
        self.options, self.run = options, next(iter(runs.values()))
        check(self.run, options)
        self.readers = {
            name: _files.READERS[run.inputs](run, options.whole)
            for name, run in runs.items()
        }
        self.reader = next(iter(self.readers.values()))
        front = ["input", "part"] if len(runs) > 1 else ["input"]
        self.trained_on = "SAMPLE" if self.run.data == "sample" else "real"
        results = [*front, *self.reader.results, "error", "trained_on"]
        self.columns, self.outputs = {"results": results}, {}
        if self.reader.frames:
            self.columns["frames"] = [*front, *self.reader.frames, "trained_on"]
        if options.out is not None:
            files = {"results": options.out, "frames": frames_file(options.out)}
            self.outputs = {table: files[table] for table in self.columns}
        outputs = [*self.outputs.values(), *filter(None, [options.annotate])]
        self.files = _files.find(given, self.reader.endings, outputs)
        self.drawings = {}
        if options.annotate is not None:
            points = _files.TrackFiles.points  # there is nothing to draw into
            drawn = [f for f in self.files if video.ending(f) not in points]
            self.drawings = _annotate.paths(drawn, options.annotate)
        self.tables, self.shown = {}, None
        self.counts = dict.fromkeys(("answers", "without", "errors", "not drawn"), 0)

    def work(self):
        """Go through all files; return the exit code."""
        if self.run.data == "sample":
            tell(SAMPLE)
        if self.run.serving.get("framing", 0) is None and not self.options.whole:
            tell(WHOLE)
        console = Console(stderr=True)
        bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        with contextlib.ExitStack() as stack:
            self.open_tables(stack)
            task = stack.enter_context(bar).add_task("", total=len(self.files))
            for path in self.files:
                bar.update(task, description=escape(path.name))
                self.read(path)
                bar.advance(task)
        if self.shown is not None:
            show(self.shown)
        self.tell_counts()
        return int(self.counts["errors"] + self.counts["not drawn"] > 0)

    def open_tables(self, stack):
        """Open files, or what goes to standard output: a table for people, or CSV."""
        if not self.outputs and sys.stdout.isatty():
            self.shown = []
            return
        for table, path in (self.outputs or {"results": None}).items():
            writer = _tables.writing(path, self.columns[table])
            self.tables[table] = stack.enter_context(writer)

    def read(self, path):
        """Read a file, by every part; what is wrong with it goes into the table."""
        drawn = {"results": [], "frames": []}
        for name, reader in self.readers.items():
            front = {"input": str(path), "part": name, "trained_on": self.trained_on}
            try:
                for table, row in reader.read(path):
                    self.write(table, front | row)
                    if path in self.drawings:
                        drawn[table].append(front | row)
            except ImportError:
                raise
            except Exception as error:  # of OpenCV or dlib, too: this file's own fault
                expected = isinstance(error, ValueError | OSError | ArithmeticError)
                message = str(error) if expected else f"{type(error).__name__}: {error}"
                message = " ".join(message.removeprefix(f"{path}: ").split())
                self.write("results", {**front, "error": message})
                drawn = {"results": [], "frames": []}
        if drawn["results"]:
            self.draw(path, **drawn)

    def write(self, table, row):
        row = {name: row[name] for name in self.columns[table] if name in row}
        if table in self.tables:
            self.tables[table](row)
        if table == "results":
            if self.shown is not None:
                self.shown.append(row)
            answered = "answers" if self.reader.names[0] in row else "without"
            self.counts["errors" if "error" in row else answered] += 1

    def draw(self, path, results, frames):
        try:
            if video.ending(path) not in video.ENDINGS:
                _annotate.draw_picture(path, results, self.drawings[path])
                return
            tracks = getattr(self.reader, "last", ())
            rows = _annotate.by_frame(frames)
            if tracks:
                rows = _annotate.frames_of(tracks, results)
            if rows:  # with a face
                _annotate.draw_video(path, rows, self.drawings[path])
        except ImportError:
            raise
        except Exception as error:  # of OpenCV, too; the answers are there all the same
            self.counts["not drawn"] += 1
            tell(f"warning: {path} was not drawn: {' '.join(str(error).split())}")

    def tell_counts(self):
        text = f"{len(self.files)} files: {self.counts.pop('answers')} answers"
        text += "".join(f", {n} {what}" for what, n in self.counts.items() if n)
        outputs = [*self.outputs.values()]
        outputs += [self.options.annotate] if self.drawings else []
        tell(text + (f" -> {', '.join(map(str, outputs))}" if outputs else ""))
        tell(SAMPLE if self.run.data == "sample" else LIMITS.format(run=self.run.path))


def check(run, options):
    """Raise ValueError where an option has no effect on a run."""
    if options.whole and run.inputs != "pictures":
        raise ValueError(f"--whole has no effect: {run.study} takes no pictures")
    if options.annotate is not None and run.inputs not in DRAWN:
        raise ValueError(
            f"--annotate draws into pictures and videos; {run.study} takes {run.inputs}"
        )


def frames_file(out):
    return out.with_name(f"{out.stem}.frames{out.suffix}")


def tell(text):
    print(text, file=sys.stderr)


def show(rows):
    """Print a table for people: the columns that anything stands in."""
    used = [name for row in rows for name in row if row[name] not in (None, "")]
    columns = list(dict.fromkeys(used))
    columns.sort(key=lambda name: (name == "error", name == "note"))
    table = Table(box=None, header_style="bold")
    for name in columns:
        text = name in _tables.TEXT
        table.add_column(
            name, justify="left" if text else "right", overflow="fold", no_wrap=not text
        )
    for row in rows:
        cells = [row.get(name) for name in columns]
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in cells))
    Console().print(table)
