"""A comparison on the screen."""

from experiments.compare.text import spread, tests_of
from experiments.compare.words import show, span


def screen(groups, width):
    """Prints the tables, at most `width` columns wide."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    class Pipe(Console):
        def on_broken_pipe(self):
            raise  # it would end the program; noqa: PLE0704

    console = Pipe(width=width, highlight=False, emoji=False, markup=False)
    for group in groups:
        console.print(f"\n{group.title}", style="bold")
        table = Table(box=None, pad_edge=False)
        table.add_column("", overflow="fold", ratio=1)
        for name in [*group.columns.values(), "tested on"]:
            table.add_column(name, justify="right", max_width=16)
        for row in group.rows:
            cells = []
            for key in group.columns:
                value, interval = row.values.get(key, (None, None))
                short = span(interval).replace(" to ", "-")  # a screen is narrow
                cells.append(show(value) + (f"\n{short}" if interval else ""))
            name = Text(row.name, "" if row.kind == "model" else "dim")
            if row.kind == "model" and row.note:
                name.append(f"\n{row.note}", "italic")
            table.add_row(name, *cells, row.tested)
        console.print(table)
        for note, names in _papers(group).items():
            console.print(f"{'; '.join(names)}: {note}.", style="dim")
        if group.tests:
            console.print(_table(*tests_of(group)))
        for line in [*spread(group), *group.notes]:
            console.print(line)


def _papers(group):
    """What is to be known of the papers' rows: names by note."""
    found = {}
    for row in group.rows:
        if row.kind == "paper":
            found.setdefault(row.note, []).append(row.name)
    return found


def _table(head, *rows):
    """Paired tests; the first column names them."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("paired tests", overflow="fold", ratio=1)
    for name in head[1:]:
        table.add_column(name, justify="right", max_width=16)
    for row in rows:
        table.add_row(*row)
    return table
