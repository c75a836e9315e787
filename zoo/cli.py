"""The command line: `python -m zoo`, or `duchenne`."""

import argparse
import os
import pathlib
import signal
import sys
import threading

EPILOG = """\
exit codes: 0 all done; 1 some inputs could not be read or drawn (the table and standard
error say why); 2 wrong use, a damaged run, a missing package, a full disk: no table was
written; 130 Ctrl-C, 143 ended by another program, the same.

For research on posed and spontaneous expressions. No lie detector: do not use it to
judge people. See: python -m zoo card RUN
"""

TRAIN = """\
Models that tell genuine (spontaneous) from posed facial expressions.

In a checkout, trained on your own clips, FOLDER/genuine/ann/1.mp4, FOLDER/posed/...:
  python -m experiments.nvie_cnn --dataset own --data-dir FOLDER
  python -m zoo predict runs/nvie_cnn/TIME-HASH clip.mp4
"""
PREDICT = """\
Probabilities of genuine, by what the run's models take:
  pictures      every face, cut out as in training, and videos, in which one face is
                followed, the lowest of several
  tracks        videos of one face, or point files (.npz, .csv, .npy)
  points        Kinect point files (X_datapoints.txt): each expression's probability
  diameters     workbooks (.xlsx) of pupil diameters
Faces are found down to a fortieth of a picture's shorter side (at least 32 pixels), in
videos down to a fifth.
"""
RUN = {"metavar": "RUN", "help": "a run folder: runs/STUDY/TIME-HASH"}


def parser():
    result = argparse.ArgumentParser(
        prog="python -m zoo",
        description=TRAIN,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--version", action="store_true", help="print the version")
    commands = result.add_subparsers(dest="command", metavar="COMMAND")
    add = commands.add_parser

    models = add("list", help="the models of the zoo", description="List the models.")
    models.add_argument("pattern", nargs="?", help="such as 'pupil*'")
    models.set_defaults(work=list_models)

    text = "One model: its paper, what it takes and returns, its parameters."
    info = add("info", help="one model: paper, input, output", description=text)
    info.add_argument("model", metavar="MODEL", help="such as inception_v4")
    info.set_defaults(work=print_info)

    text = "The report of a run: data, people, figures, intended use, limits."
    card = add("card", help="the report of a run, in Markdown", description=text)
    card.add_argument("run", **RUN)
    card.set_defaults(work=print_card)

    predict = add(
        "predict",
        help="probabilities for pictures, videos, point files, pupil workbooks",
        description=PREDICT,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    predict.add_argument("run", **RUN)
    predict.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="files and folders; - reads their names from standard input, one a line",
    )
    predict.add_argument(
        "--out",
        type=pathlib.Path,
        metavar="FILE",
        help="a .csv, .json or .parquet file; what is known of single frames goes "
        "beside it, to NAME.frames.csv and so on; existing ones are replaced (default: "
        "a table on the screen)",
    )
    predict.add_argument(
        "--annotate",
        type=pathlib.Path,
        metavar="DIR",
        help="draw box, points and probability into copies of pictures and videos, "
        "NAME.drawn.png and NAME.drawn.mp4, in folders as the originals are",
    )
    predict.add_argument(
        "--part",
        metavar="NAME",
        help="one of a run's models, such as an emotion (default: its main model, or "
        "all of them)",
    )
    predict.add_argument(
        "--whole",
        action="store_true",
        help="take pictures as they are, without looking for faces: for pictures that "
        "are framed as those of the run's training",
    )
    predict.set_defaults(work=predict_files)
    return result


def main(argv=None):
    """Run the command line on its arguments; return the exit code."""
    arguments = parser()
    options = arguments.parse_args(argv)
    if options.version:
        from zoo import __version__

        print(f"duchenne {__version__}")
        return 0
    if options.command is None:
        arguments.print_help()
        return 2
    if threading.current_thread() is threading.main_thread():
        # As timeout and schedulers end a program: by way of what cleans up.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code = options.work(options) or 0
        sys.stdout.flush()  # here, not when Python ends
        return code
    except BrokenPipeError:  # `| head`
        # What is left would be written when Python ends, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def list_models(options):
    from rich.console import Console
    from rich.table import Table

    import zoo

    names = zoo.list_models(options.pattern)
    if not names:
        raise ValueError(f"no model is named like {options.pattern!r}")
    table = Table(box=None, header_style="bold")
    for heading in ("model", "paper", "inputs", "parameters", "features"):
        justify = "right" if heading in ("parameters", "features") else "left"
        table.add_column(heading, justify=justify, overflow="fold")
    for name in names:
        info = zoo.model_info(name)
        inputs = ", ".join(str(one.shape) for one in info.inputs)
        counts = f"{info.parameters:,}", str(info.feature_width)
        short = info.paper.partition(', "')[0]  # authors and year
        table.add_row(name, short, inputs, *counts)
    console = Console(width=None if sys.stdout.isatty() else 110)
    with console.capture() as text:  # rich itself ends the program where a pipe breaks
        console.print(table)
    print(text.get(), end="")


def print_info(options):
    import zoo

    print(zoo.model_info(options.model))


def print_card(options):
    from zoo.trained_run import run_folder

    report = run_folder(options.run) / "README.md"
    if not report.is_file():
        raise FileNotFoundError(
            f"{report.parent} is no run folder with a report: it has no README.md"
        )
    print(report.read_text(encoding="utf-8"), end="")


def predict_files(options):
    from zoo.predict_command import predict

    return predict(options)
