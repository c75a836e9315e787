"""An overview of the NVIE sample in one picture, for the README."""

from io import BytesIO
from pathlib import Path

import numpy as np

from datasets.sample import nvie

_PERSONS = ("011", "025", "018", "013")
_TITLE = "Duchenne sample (synthetic): invented faces in the layout of NVIE"
_LEGEND = (
    "What to look for. Posed: the expression is stronger on the subject's left, the "
    "right of the picture. Spontaneous: crow's feet, bagged lower lids,\n"
    "narrowed eyes, alike on both sides. The cues overlap: shown is the clearer of a "
    "person's two pictures, without the sensor noise and JPEG artefacts."
)


def draw_sheet(path) -> None:
    """Draw posed beside spontaneous, a sequence, and the three illuminations.

    Args:
        path: Where the PNG goes, about 1200 pixels wide.

    Raises:
        OSError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    rows = nvie.plan()
    people = nvie.persons()
    figure = Figure(figsize=(12, 11.6), dpi=100)
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        7,
        8,
        gridspec_kw={
            "left": 0.075,
            "right": 0.99,
            "top": 0.895,
            "bottom": 0.01,
            "wspace": 0.03,
            "hspace": 0.03,
            "height_ratios": [1] * 6 + [1.25],
        },
    )
    figure.text(0.01, 0.972, _TITLE, size=15, weight="bold")
    figure.text(0.01, 0.928, _LEGEND, size=9.5, linespacing=1.4)
    for line, emotion in zip(grid, nvie.EMOTIONS, strict=False):
        line[0].set_ylabel(emotion, size=11)
        for cell, subject in enumerate(_PERSONS):
            both = _clearest(
                rows[(rows.subject == subject) & (rows.emotion == emotion)]
            )
            for axis, row in zip(line[2 * cell : 2 * cell + 2], both, strict=True):
                _show(axis, nvie.pictures(row._replace(noise=0.0), people[subject])[-1])
    for number, axis in enumerate(grid[0]):
        axis.set_title(("posed", "spontaneous")[number % 2], size=11)
    _last_line(grid[-1], rows, people)
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    # A palette makes the file a third of the size.
    whole = Image.open(drawn).convert("RGB")
    few = whole.quantize(256, kmeans=3, dither=Image.Dither.NONE)
    few.save(Path(path), "png", optimize=True)


def _clearest(rows) -> list:
    """The posed and the spontaneous picture that show the cues best."""
    clear = (rows.cheek - rows.asymmetry) * (2 * rows.spontaneous - 1)
    best = clear.groupby(rows.spontaneous).idxmax()
    return list(rows.loc[best].itertuples(index=False))


def _last_line(axes, rows, people) -> None:
    felt = rows[(rows.spontaneous == 1) & (rows.subject == _PERSONS[1])]
    row = next(felt[felt.emotion == "surprise"].itertuples(index=False))
    frames = nvie.pictures(row._replace(noise=0.0), people[row.subject])
    for number, (axis, frame) in enumerate(zip(axes, frames, strict=False)):
        _show(axis, frame)
        names = {0: "onset", nvie.FRAMES - 1: "apex"}
        axis.set_title(names.get(number, str(number + 1)), size=11)
    axes[0].set_ylabel("a sequence", size=11)
    row = next(felt[felt.emotion == "happiness"].itertuples(index=False))
    for axis, light in zip(axes[nvie.FRAMES :], nvie.LIGHTS, strict=True):
        lit = row._replace(illumination=light, noise=0.0)
        _show(axis, nvie.pictures(lit, people[row.subject])[-1])
        axis.set_title(f"light: {light}", size=11)


def _show(axis, picture: np.ndarray) -> None:
    axis.imshow(picture[..., ::-1], interpolation="bilinear")
    axis.set(xticks=[], yticks=[])
    for edge in axis.spines.values():
        edge.set_visible(False)
