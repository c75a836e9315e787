"""From run folders to compare.md, compare.csv and compare.html."""

import itertools
import pathlib
import sys
import time

import jinja2
import pandas as pd
from markdown_it import MarkdownIt

from datasets.about import NOT_FOR
from experiments.compare.figures import forest
from experiments.compare.read import collect, latest
from experiments.compare.tables import MEASURES, make_tables
from experiments.harness.checkpoint import replace_file
from experiments.harness.run_folder import commit

HERE = pathlib.Path(__file__).parent


def compare(paths, out: pathlib.Path, command: str, failed=()) -> pathlib.Path:
    """Compare runs, write the pages, and return the path of compare.html.

    Args:
        paths: run folders, or folders that hold some; none for the latest in `runs`.
        out: folder of the pages.
        command: the command line that makes them.
        failed: what else is left out, `(name, reason)` each.

    Raises:
        ValueError: there is no run that can be compared.
        OSError: the pages cannot be written.
    """
    runs, left_out = collect(paths or [pathlib.Path("runs")])
    if not paths:
        runs = latest(runs)
    for folder, reason in left_out.items():
        print(f"Left out {folder}: {reason}", file=sys.stderr)
    if not runs:
        expected = "Expected run folders, or folders that hold some. Received: "
        received = " ".join(map(str, paths)) or "runs"
        raise ValueError(f"{expected}{received}. Run a study: python -m experiments.")
    tables = make_tables(runs)
    groups = itertools.groupby(tables, lambda table: table.case[:2])
    sections = {dataset: list(group) for dataset, group in groups}
    context = {
        "sections": sections,
        "names": MEASURES,
        "made": f"{time.strftime('%Y-%m-%d')} at commit {str(commit())[:12]}",
        "command": command,
        "left_out": [*failed, *((path.name, why) for path, why in left_out.items())],
        "not_for": NOT_FOR,
    }
    forests = {dataset: forest(group) for dataset, group in sections.items()}
    contents = {
        "compare.md": markdown(context),
        "compare.csv": pd.DataFrame(csv_rows(tables)).to_csv(index=False),
        "compare.html": html(markdown({**context, "figures": forests})),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        replace_file(out / name, lambda path, text=text: path.write_text(text, "utf-8"))
    return out / "compare.html"


def markdown(context: dict) -> str:
    """Fill in compare.md.jinja."""
    text = (HERE / "compare.md.jinja").read_text("utf-8")
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(text).render(context).strip() + "\n"


def html(text: str) -> str:
    """Return a page of Markdown."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return (HERE / "template.html").read_text("utf-8").replace("{{ body }}", body)


def csv_rows(tables):
    """Yield the row of each model: what it is, its measures, the ends of intervals."""
    for row in itertools.chain.from_iterable(table.models for table in tables):
        cells = {**row.run.case._asdict(), "run": row.run.label, "model": row.name}
        for key, value in row.values.items():
            if isinstance(value, list):
                cells |= {f"{key}_low": value[0], f"{key}_high": value[1]}
            elif not isinstance(value, dict):
                cells[key] = value
        yield cells
