"""Draw the pictures of the documents: `python docs/figures.py`, in the checkout.

Both samples in one picture each, for the README. (The figures of real runs are copied
from their run folders.)
"""

import pathlib
import sys
from io import BytesIO
from pathlib import Path

import numpy as np

DOCS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from datasets.sample import nvie  # noqa: E402
from datasets.sample import sase_fe_clips as clips  # noqa: E402
from datasets.sample.face_video import draw  # noqa: E402
from datasets.sample.sase_fe import PEOPLE  # noqa: E402
from datasets.sase_fe_names import EMOTIONS  # noqa: E402

_PERSONS = ("011", "025", "018", "013")
_NVIE_TITLE = "Duchenne sample (synthetic): invented faces in the layout of NVIE"
_NVIE_LEGEND = (
    "What to look for. Posed: the expression is stronger on the subject's left, the "
    "right of the picture. Spontaneous: crow's feet, bagged lower lids,\n"
    "narrowed eyes, alike on both sides. The cues overlap: shown is the clearer of a "
    "person's two pictures, without the sensor noise and JPEG artefacts."
)


def draw_nvie(path) -> None:
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
    figure.text(0.01, 0.972, _NVIE_TITLE, size=15, weight="bold")
    figure.text(0.01, 0.928, _NVIE_LEGEND, size=9.5, linespacing=1.4)
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


# What is measured: between which of the 68 points, across (0) or down (1).
_MEASURES = {
    "anger": ("brows above nose", (20, 23), (30, 30), 1),
    "contempt": ("mouth's width", (48,), (54,), 0),
    "disgust": ("upper lip above chin", (50, 52), (8, 8), 1),
    "happiness": ("mouth's width", (48,), (54,), 0),
    "sadness": ("mouth's corners above chin", (48, 54), (8, 8), 1),
    "surprise": ("mouth's opening", (62,), (66,), 1),
}
_LABELS = {1: ("genuine", "tab:blue"), 0: ("fake", "tab:orange")}
_SASE_TITLE = "Duchenne sample (synthetic): invented faces in the layout of SASE-FE"
_SASE_LEGEND = (
    "What to look for. Fake: an abrupt onset, a plateau, stronger on the subject's "
    "left (the right of the picture). Genuine: slower, smoother,\n"
    "longer, alike on both sides. The cues overlap: shown are the people with the "
    "clearest pairs. Right: how a distance between points changes, in pixels."
)


def draw_sase_fe(path) -> None:
    """Draw genuine beside fake: faces with their points, and what moves over time.

    Args:
        path: Where the PNG goes, about 1200 pixels wide.

    Raises:
        OSError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    rows, shown = clips.plan(PEOPLE), []
    figure = Figure(figsize=(12, 11.4), dpi=100)
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        len(EMOTIONS),
        7,
        gridspec_kw={"left": 0.03, "right": 0.97, "top": 0.885, "bottom": 0.04,
                     "wspace": 0.04, "hspace": 0.12,
                     "width_ratios": [1] * 6 + [2.1]},
    )  # fmt: skip
    figure.text(0.01, 0.972, _SASE_TITLE, size=15, weight="bold")
    figure.text(0.01, 0.927, _SASE_LEGEND, size=9.5, linespacing=1.4)
    for line, emotion in zip(grid, EMOTIONS, strict=True):
        line[0].set_ylabel(emotion, size=11)
        pair = _clearest_pairs(
            rows[(rows.emotion == emotion) & ~rows.person.isin(shown)]
        )
        shown.append(pair[0].person)
        for row in pair:
            _faces(line[3 * (1 - row.label) :][:3], row)
            _course(line[6], row)
        line[6].set_title(_MEASURES[emotion][0], size=9.5, pad=3)
        line[6].set(xlim=(0, clips.FRAMES[1] / clips.RATE))
        last = emotion == EMOTIONS[-1]
        line[6].tick_params(bottom=last, labelbottom=last)
    for axis, name in zip(grid[0], 2 * ("onset", "apex", "offset"), strict=False):
        axis.set_title(name, size=10)
    for axis, (name, colour) in zip(grid[0, [1, 4]], _LABELS.values(), strict=True):
        axis.set_title(f"{name}\napex", size=11, color=colour)
    grid[0, 6].legend(fontsize=8, frameon=False, loc="lower right")
    grid[-1, 6].set_xlabel("seconds", size=9)
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    # A palette makes the file a third of the size.
    few = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(Path(path), "png", optimize=True)


def _clearest_pairs(rows) -> list:
    """The two videos of the person whose onsets and symmetry differ most."""
    clear = (np.log(rows.onset) - 2 * rows.asymmetry) * (2 * rows.label - 1)
    best = rows[rows.person == clear.groupby(rows.person).sum().idxmax()]
    return list(best.itertuples(index=False))


def _faces(axes, row) -> None:
    who = clips.person(row.person)
    points, pose = clips.motion(row, who)
    apex = row.start + row.onset
    end = apex + row.hold + 0.6 * row.offset
    for axis, second in zip(
        axes, (row.start + 0.4 * row.onset, apex, end), strict=True
    ):
        frame = min(round(second * clips.RATE), row.frames - 1)
        picture = draw(points[frame], pose[frame], who.look)
        x, y = points[frame].T
        left, top = pose[frame, 3:5] - pose[frame, 5] * np.array([1.25, 0.85])
        side = 2.6 * pose[frame, 5]
        axis.imshow(picture[..., ::-1], interpolation="bilinear")
        axis.plot(x, y, ".", color=_LABELS[row.label][1], markersize=2.2)
        axis.set(xlim=(left, left + side), ylim=(top + side, top), xticks=[], yticks=[])
        for edge in axis.spines.values():
            edge.set_visible(False)


def _course(axis, row) -> None:
    track = clips.track(row, clips.person(row.person), "")
    _, first, second, way = _MEASURES[row.emotion]
    points = track.points[0][..., way]
    distance = (points[:, second] - points[:, first]).mean(axis=1)
    name, colour = _LABELS[row.label]
    axis.plot(
        track.times, distance - np.nanmean(distance[:4]), color=colour, label=name
    )
    axis.tick_params(labelsize=7, pad=1)
    axis.yaxis.tick_right()
    for edge in ("top", "left"):
        axis.spines[edge].set_visible(False)


if __name__ == "__main__":
    draw_nvie(DOCS / "nvie_sample.png")
    draw_sase_fe(DOCS / "sase_fe_sample.png")
