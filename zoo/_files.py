"""From files to rows of probabilities: what `python -m zoo predict` writes.

A reader a kind of input. `read(path)` yields `("results", row)` of each face, video,
recording or series, and `("frames", row)` of each frame of a video or recording, as
they are computed.
"""

import pathlib
import warnings
from itertools import islice

import numpy as np

from zoo.inputs import pictures, video_files
from zoo.inputs.landmark_track import NoFace

BOX = ("x", "y", "width", "height")
BATCH = 32
WHOLE_FRAMES = 4  # at once, where videos are taken whole: they may be large
WHOLE = "taken whole"
DRAWN = (".drawn.png", ".drawn.mp4")  # what `--annotate` writes, pictures and videos
SEVERAL = "several faces in the first frame, one of them followed"


def find(given, endings, outputs=()):
    """Files as they are named, and those of a folder that end as they should.

    Args:
        given: paths.
        endings: tuple of file name endings, such as `.jpg`.
        outputs: files and folders that will be written to. What of them lies within a
            given folder is left out: an earlier run wrote it.

    Returns:
        List of paths, each once.

    Raises:
        FileNotFoundError: there is nothing at a path, or no such file in a folder.
        ValueError: a file would be overwritten.
    """
    found, outputs = [], {path.resolve() for path in outputs}
    for path in map(pathlib.Path, given):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
        if not path.is_dir():
            if path.resolve() in outputs:
                raise ValueError(f"{path} would be overwritten with the results")
            found.append(path)
            continue
        files, _, unreadable = video_files.walk(path)
        if unreadable:
            some = ", ".join(map(str, unreadable[:5]))
            warnings.warn(f"left out, cannot be read: {some}", stacklevel=2)
        own = {output for output in outputs if path.resolve() in output.parents}
        within = [
            file
            for file in sorted(files)
            if "".join(file.name.split()).lower().endswith(endings)
            and own.isdisjoint([file.resolve(), *file.resolve().parents])
            and not file.name.endswith(DRAWN)
        ]
        if not within:
            raise FileNotFoundError(
                f"no file for this run in {path}; expected files that end in "
                f"{' '.join(endings)}"
            )
        tell_others(path, files, endings)
        found += within
    return list(dict.fromkeys(found))


def tell_others(folder, files, endings):
    """Warns of files of other kinds, such as pictures that cannot be read."""
    kinds = {pathlib.Path(f"x{ending}").suffix for ending in endings}
    others = [video_files.ending(file) for file in files]
    others = [ending for ending in others if ending not in kinds]
    if others:
        named = " ".join(sorted(set(others))[:9]).strip() or "without an ending"
        warnings.warn(
            f"{len(others)} files in {folder} left out: {named}", stacklevel=3
        )


def several(path):
    """A note where a video's first frame shows more than one face."""
    from zoo.inputs import faces
    from zoo.inputs.video_frames import Video

    with Video(path) as video:
        for _, frame in video:
            return SEVERAL if len(faces.find(frame[..., ::-1])) > 1 else ""
    return ""


def noted(*notes):
    return "; ".join(note for note in notes if note)


def batched(items, size):
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


def placed(box):
    """The columns of a box; empty without one."""
    if box is None:
        return dict.fromkeys(BOX)
    return dict(zip(BOX, (round(float(side), 1) for side in box), strict=True))


class Answers:
    """The columns that a run's probabilities go into."""

    def __init__(self, run):
        self.run = run
        self.several = len(run.classes) > 2 and bool(run.genuine)
        if not run.genuine:
            self.names = list(run.classes)
        else:
            self.names = ["probability"]
            if self.several:
                self.names += ["predicted"]
                self.names += [f"probability of {name}" for name in run.classes]

    def __call__(self, probability):
        """Dict of the columns, of one row of `TrainedRun.predict`."""
        if not np.isfinite(probability).all():
            raise ArithmeticError("the model answers with values that are not finite")
        values = [round(float(value), 6) for value in probability]
        if not self.run.genuine:
            return dict(zip(self.names, values, strict=True))
        genuine = round(float(sum(probability[self.run.genuine])), 6)
        columns = {"probability": genuine}
        if self.several:
            columns["predicted"] = self.run.classes[int(np.argmax(probability))]
            names = (f"probability of {name}" for name in self.run.classes)
            columns |= dict(zip(names, values, strict=True))
        return columns


class PictureFiles:
    """Pictures and videos: each face cut out as in the training pictures."""

    endings = (*pictures.ENDINGS, *video_files.ENDINGS)

    def __init__(self, run, whole=False):
        self.run, self.answers = run, Answers(run)
        self.framing = None if whole else run.serving.get("framing")
        counts = ["frames", "found"]
        self.results = ["face", *BOX, *counts, *self.answers.names, "note"]
        self.frames = ["frame", "second", *BOX, *self.answers.names]

    def read(self, path):
        if video_files.ending(path) in video_files.ENDINGS:
            yield from self.video(path)
        else:
            yield from self.picture(path)

    def picture(self, path):
        from zoo.inputs import faces

        picture = pictures.read(path)
        if self.framing is None:
            answer = self.run.predict([picture])[0]
            yield "results", {**self.answers(answer), "note": WHOLE}
            return
        boxes = faces.find(picture)
        cuts = [faces.cut(picture, box, self.framing) for box in boxes]
        for face, answer in enumerate(self.run.predict(cuts)):
            box = placed(boxes[face])
            yield "results", {"face": face, **box, **self.answers(answer)}
        if not cuts:
            least = faces.smallest(picture)
            yield "results", {"note": f"no face of {least} pixels or more"}

    def video(self, path):
        from zoo.inputs.video_faces import followed
        from zoo.inputs.video_frames import Video

        count, total, frame = 0, 0.0, -1
        at_once = BATCH if self.framing else WHOLE_FRAMES
        with Video(path) as video:
            for some in batched(followed(video, self.framing), at_once):
                cuts = [cut for *_, cut in some if cut is not None]
                answers = iter(self.run.predict(cuts))
                for frame, second, box, cut in some:
                    row = {"frame": frame, "second": round(second, 4), **placed(box)}
                    if cut is not None:
                        answer = next(answers)
                        count, total = count + 1, total + answer
                        row |= self.answers(answer)
                    yield "frames", row
        result = {"frames": frame + 1, "note": video.note}
        if self.framing is None:
            result["note"] = noted(WHOLE, video.note)
        else:
            result["found"] = count
            why = several(path) if count else "no face in any frame"
            result["note"] = noted(why, video.note)
        if count:
            face = {} if self.framing is None else {"face": 0}
            result |= {**face, **self.answers(total / count)}
        yield "results", result


class PointFiles:
    """Kinect recordings, as UCI's `X_datapoints.txt`."""

    endings = ("datapoints.txt",)  # the labels end in targets.txt

    def __init__(self, run, whole=False):
        self.run, self.answers = run, Answers(run)
        self.results = ["frames", *self.answers.names, "note"]
        self.frames = ["frame", *self.answers.names]

    def read(self, path):
        from zoo.inputs import gfe_files

        recording = gfe_files.read_points(path)
        answers = self.run.predict(recording.points)
        for frame, answer in enumerate(answers):
            yield "frames", {"frame": frame, **self.answers(answer)}
        gaps = recording.missing["frames_depths"] + recording.missing["frames_xy"]
        note = f"gaps in {gaps} frames were bridged" if gaps else ""
        mean = self.answers(answers.mean(axis=0))
        yield "results", {"frames": len(answers), **mean, "note": note}


class Workbooks:
    """Workbooks of the pupil study: a sheet a video, a column an observer."""

    endings = (".xlsx",)

    def __init__(self, run, whole=False):
        self.run, self.answers = run, Answers(run)
        columns = ["video", "observer", "samples", "missing"]
        self.results, self.frames = [*columns, *self.answers.names, "note"], []

    def read(self, path):
        from zoo.inputs import pupil_files

        book = pupil_files.read_own(path)
        series = [
            (video, observer, samples)
            for video, by_observer in book.series.items()
            for observer, samples in by_observer.items()
        ]
        usable = [s for _, _, s in series if len(s) and not np.isnan(s).all()]
        answers = iter(self.run.predict(usable))
        for video, observer, samples in series:
            missing = np.isnan(samples).mean() if len(samples) else 1.0
            row = {"video": video, "observer": observer, "samples": len(samples)}
            row["missing"] = round(float(missing), 4)
            if missing < 1:
                row |= self.answers(next(answers))
            else:
                row["note"] = "without any sample"
            yield "results", row


class TrackFiles:
    """Videos of one face, or its points as other programs write them."""

    points = (".npz", ".csv", ".npy")
    endings = (*video_files.ENDINGS, *points)

    def __init__(self, run, whole=False):
        self.run, self.answers = run, Answers(run)
        columns = ["frames", "found", "copies"]
        self.results, self.frames = [*columns, *self.answers.names, "note"], []
        self.last = None  # the track that was read last

    def track(self, path):
        from zoo.inputs import landmarks

        settings = self.run.serving["settings"]
        if video_files.ending(path) in self.points:
            from zoo.inputs import landmark_files  # needs pandas

            return landmark_files.read(path)
        with warnings.catch_warnings():  # the track's own note says it
            warnings.simplefilter("ignore", UserWarning)
            return landmarks.extract(path, settings["test_copies"], settings["seed"])

    def read(self, path):
        try:
            self.last = track = self.track(path)
        except NoFace as error:
            self.last = None
            yield "results", {"note": str(error).removeprefix(f"{path}: ")}
            return
        [answer] = self.run.predict(track)
        row = {"frames": len(track.times), "found": int(track.found.sum())}
        row["copies"] = self.run.serving["settings"]["test_copies"]
        video = video_files.ending(path) not in self.points
        note = noted(several(path) if video else "", track.note)
        yield "results", {**row, **self.answers(answer), "note": note}


READERS = {
    "pictures": PictureFiles,
    "points": PointFiles,
    "diameters": Workbooks,
    "tracks": TrackFiles,
}
