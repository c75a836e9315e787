"""From files to rows of probabilities: what `python -m zoo predict` writes.

A reader a kind of input. `read(path)` yields `("results", row)` of each face, video,
recording or series, and `("frames", row)` of each frame of a video or recording, as
they are computed.
"""

import os
import pathlib
import warnings
from functools import lru_cache
from itertools import islice

import numpy as np

from zoo.inputs import pictures, video
from zoo.inputs.landmark_track import NoFace

BOX = ("x", "y", "width", "height")
BATCH = 32
WHOLE_FRAMES = 4  # at once, where videos are taken whole: they may be large
WHOLE = "taken whole"
DRAWN = (".drawn.png", ".drawn.mp4")  # what `--annotate` writes, pictures and videos


def find(given, endings, outputs=()):
    """Return the files that are named, and those of folders that end as they should.

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
    files, outputs = [], {path.resolve() for path in outputs}
    for path in map(pathlib.Path, given):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
        if path.is_dir():
            within = {one for one in outputs if path.resolve() in one.parents}
            files += find_inside(path, endings, within)
        elif path.resolve() in outputs:
            raise ValueError(f"{path} would be overwritten with the results")
        else:
            files.append(path)
    return list(dict.fromkeys(files))


def find_inside(folder, endings, outputs):
    """Return a folder's files; warn of those of other kinds, which are left out."""
    files, _, unreadable = video.walk(folder)
    if unreadable:
        some = ", ".join(map(str, unreadable[:5]))
        warnings.warn(f"left out, cannot be read: {some}", stacklevel=3)
    chosen = [
        file
        for file in sorted(files)
        if "".join(file.name.split()).lower().endswith(endings)
        and outputs.isdisjoint([file.resolve(), *file.resolve().parents])
        and not file.name.endswith(DRAWN)
    ]
    if not chosen:
        raise FileNotFoundError(
            f"no file for this run in {folder}; expected files that end in "
            f"{' '.join(endings)}"
        )
    kinds = {pathlib.Path(f"x{ending}").suffix for ending in endings}
    others = [video.ending(file) for file in files]
    others = [ending for ending in others if ending not in kinds]
    if others:
        named = " ".join(sorted(set(others))[:9]).strip() or "without an ending"
        warnings.warn(
            f"{len(others)} files in {folder} left out: {named}", stacklevel=3
        )
    return chosen


def join(*notes):
    return "; ".join(note for note in notes if note)


def batched(items, size):
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


def box_columns(box):
    """Return the columns of a box, empty without one."""
    if box is None:
        return dict.fromkeys(BOX)
    return dict(zip(BOX, (round(float(side), 1) for side in box), strict=True))


class Reader:
    """A reader of a kind of input, and the columns that a run's answers go into.

    Attributes:
        endings: of the files that it takes.
        names: columns of the answers.
        results, frames: all columns of the two tables; none of `frames` where the
            kind of input has no frames.
    """

    of_results, of_frames = (), ()

    def __init__(self, run, whole=False):
        self.run, self.names = run, list(run.classes)
        self.framing = None if whole else run.serving.get("framing")
        self.several = len(run.classes) > 2
        if run.genuine:
            self.names = ["probability"]
            if self.several:
                self.names += ["predicted"]
                self.names += [f"probability of {name}" for name in run.classes]
        self.results = [*self.of_results, *self.names, "note"]
        self.frames = [*self.of_frames, *self.names] if self.of_frames else []

    def answer(self, probability):
        """Return the columns `names` of one row of `TrainedRun.predict`."""
        if not np.isfinite(probability).all():
            raise ArithmeticError("the model answers with values that are not finite")
        values = [round(float(value), 6) for value in probability]
        if not self.run.genuine:
            return dict(zip(self.names, values, strict=True))
        columns = [round(float(sum(probability[self.run.genuine])), 6)]
        if self.several:
            columns += [self.run.classes[int(np.argmax(probability))], *values]
        return dict(zip(self.names, columns, strict=True))


class PictureFiles(Reader):
    """Pictures and videos: each face cut out as in the training pictures."""

    endings = (*pictures.ENDINGS, *video.ENDINGS)
    of_results = ("face", *BOX, "frames", "found")
    of_frames = ("frame", "second", "face", *BOX)

    def read(self, path):
        if video.ending(path) in video.ENDINGS:
            yield from self.read_video(path)
        else:
            yield from self.read_picture(path)

    def read_picture(self, path):
        from zoo.inputs import faces

        picture = pictures.read(path)
        if self.framing is None:
            answer = self.run.predict([picture])[0]
            yield "results", {**self.answer(answer), "note": WHOLE}
            return
        found = faces.find_faces(picture)
        boxes = [faces.box_of(face) for face in found]
        cuts = [faces.cut(picture, box, self.framing) for box in boxes]
        for number, answer in enumerate(self.run.predict(cuts)):
            row = {"face": number, **box_columns(boxes[number]), **self.answer(answer)}
            yield "results", row | {"points": found[number].points}
        if not cuts:
            yield "results", {"note": "no face"}

    def read_video(self, path):
        count, totals = 0, {}
        with video.Video(path) as frames:
            for some in batched(
                self.seen(frames), BATCH if self.framing else WHOLE_FRAMES
            ):
                cuts = [cut for *_, found in some for *_, cut in found.values()]
                answers = iter(self.run.predict(cuts))
                for number, second, found in some:
                    count = number + 1
                    row = {"frame": number, "second": round(second, 4)}
                    if not found:
                        yield "frames", row
                    for face, (points, box, _) in found.items():
                        answer = next(answers)
                        totals.setdefault(face, []).append(answer)
                        known = {"face": face, **box_columns(box), "points": points}
                        yield "frames", row | known | self.answer(answer)
        if not totals:
            note = join("no face in any frame", frames.note)
            yield "results", {"frames": count, "found": 0, "note": note}
        for face, answers in totals.items():
            row = {"face": face, "frames": count, "found": len(answers)}
            if self.framing is None:
                row = {"frames": count, "note": join(WHOLE, frames.note)}
            else:
                row["note"] = frames.note
            yield "results", row | self.answer(np.mean(answers, axis=0))

    def seen(self, frames):
        """Yield frames as `faces.follow` does; the whole frame where it is taken so."""
        from zoo.inputs import faces

        if self.framing is not None:
            yield from faces.follow(frames, self.framing)
            return
        for number, (second, frame) in enumerate(frames):
            yield number, second, {None: (None, None, frame)}


class PointFiles(Reader):
    """Kinect recordings, as UCI's `X_datapoints.txt`."""

    endings = ("datapoints.txt",)  # the labels end in targets.txt
    of_results, of_frames = ("frames",), ("frame",)

    def read(self, path):
        from zoo.inputs import gfe_files

        recording = gfe_files.read_points(path)
        answers = self.run.predict(recording.points)
        for frame, answer in enumerate(answers):
            yield "frames", {"frame": frame, **self.answer(answer)}
        gaps = recording.missing["frames_depths"] + recording.missing["frames_xy"]
        note = f"gaps in {gaps} frames were bridged" if gaps else ""
        mean = self.answer(answers.mean(axis=0))
        yield "results", {"frames": len(answers), **mean, "note": note}


class Workbooks(Reader):
    """Workbooks of the pupil study: a sheet a video, a column an observer."""

    endings = (".xlsx",)
    of_results = ("video", "observer", "samples", "missing")

    def read(self, path):
        from zoo.inputs import pupil_files

        book = pupil_files.read_own(path)
        for name, by_observer in book.series.items():
            usable = [s for s in by_observer.values() if not np.isnan(s).all()]
            answers = iter(self.run.predict(usable))
            for observer, samples in by_observer.items():
                missing = np.isnan(samples).mean() if len(samples) else 1.0
                row = {"video": name, "observer": observer, "samples": len(samples)}
                row["missing"] = round(float(missing), 4)
                if missing < 1:
                    row |= self.answer(next(answers))
                else:
                    row["note"] = "without any sample"
                yield "results", row


@lru_cache(maxsize=1)
def _faces_of(path, modified):
    """Return the tracks of a video, found once for all parts of a run."""
    from zoo.inputs import landmarks

    return landmarks.extract_faces(path)


class TrackFiles(Reader):
    """Videos, each face in them, or a face's points as other programs write them."""

    points = (".npz", ".csv", ".npy")
    endings = (*video.ENDINGS, *points)
    of_results = ("face", "frames", "found", "copies")
    last = ()  # the tracks that were read last

    def read(self, path):
        self.last = ()
        try:
            if video.ending(path) in self.points:
                from zoo.inputs import landmark_files  # needs pandas

                tracks = [landmark_files.read(path)]
            else:
                tracks = _faces_of(path, os.stat(path).st_mtime_ns)
        except NoFace as error:
            yield "results", {"note": str(error).removeprefix(f"{path}: ")}
            return
        self.last = tracks
        copies = self.run.serving["settings"]["test_copies"]
        for face, track in enumerate(tracks):
            [answer] = self.run.predict(track)
            row = {"face": face, "frames": len(track.times)}
            row |= {"found": int(track.found.sum()), "copies": copies}
            yield "results", row | {"note": track.note} | self.answer(answer)
        if not tracks:
            yield "results", {"note": "no face in any frame"}


READERS = {
    "pictures": PictureFiles,
    "points": PointFiles,
    "diameters": Workbooks,
    "tracks": TrackFiles,
}
