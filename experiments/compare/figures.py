"""The forest plot of a dataset."""

import base64
import io

from experiments.compare.tables import MEASURES

MARKS = {"model": ("o", "C0"), "constant": ("|", "0.3"), "paper": ("D", "C3")}


def forest(tables) -> str:
    """Draw the main measure of all rows of tables, with intervals.

    Args:
        tables: list of `tables.Table`, of one dataset.

    Returns:
        A PNG as data URI.
    """
    from matplotlib.figure import Figure

    shown = [[row for row in t.rows if t.main in row.values] for t in tables]
    heights = [len(rows) + 1 for rows in shown]
    height = 0.26 * sum(heights) + 0.6 * len(tables)
    figure = Figure(figsize=(9, height), layout="constrained")
    grid = {"height_ratios": heights, "sharex": True, "squeeze": False}
    panels = figure.subplots(len(tables), **grid).flat
    for table, rows, axes in zip(tables, shown, panels, strict=True):
        for height, row in enumerate(rows):
            marker, colour = MARKS[row.kind]
            interval = row.values.get(MEASURES[table.main][1]) or []
            axes.plot(interval, [height] * len(interval), color=colour, lw=2, alpha=0.5)
            axes.plot(row.values[table.main], height, marker, color=colour)
        axes.set_yticks(range(len(rows)), [row.name[:60] for row in rows], fontsize=8)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_title(table.title, fontsize=9, loc="left")
        axes.set_xlabel(MEASURES[table.main][0], fontsize=8)
        axes.tick_params(axis="x", labelsize=8, labelbottom=True)
        axes.grid(alpha=0.3)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
