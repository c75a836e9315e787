"""The videos of SASE-FE below a folder: found, and recognised by where they lie.

Three layouts are known, alone or side by side (the challenge's training part, the
database itself, the challenge's validation and test parts):

    Train/1/N2A.MP4                     a folder a person, a code a video
    FakeTrue_DB/Name/N2A.MP4            the same with people's names
    Validation/0123456789_ANGER.mp4     flat, the labels in a table (CSV)

A point file (.npz, .csv, .npy) of the same name stands beside a video or instead of it.

Our readings: what a file holds is told by its own name, never by a list of people.
Folders side by side whose names differ in case or white space alone are one person's.
The part is told by the nearest folder called train, validation or test, the person's
own left aside; without one, people's folders are for training and flat videos for the
test. Where the person of one flat video is unknown, all of its folder count as one
subject: people could otherwise be on both sides of a split, and nobody would know.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from datasets import sase_fe_labels as labels
from datasets import sase_fe_names as names
from zoo.inputs import plain_files, video

_PART = re.compile(r"(train|val|test)(ing|id|idation)?(set|data|part|videos?)?s?")
_PARTS = {"train": "train", "val": "validation", "test": "test"}
_KINDS = dict.fromkeys(video.ENDINGS, "video")
_KINDS |= dict.fromkeys(names.POINT_ENDINGS, "points")
# Of the files of one clip the first is used.
_RANK = {e: i for i, e in enumerate(names.POINT_ENDINGS + video.ENDINGS)}


class Clip(NamedTuple):
    """A video, or its points. `person` is the folder's name, "" for a flat one."""

    path: Path
    kind: str
    emotion: str
    label: int | None
    video: str
    part: str
    group: str
    person: str
    subject: str = ""

    @property
    def key(self) -> tuple:
        """The same for all files of one clip, other clips have others."""
        if self.person:
            return self.group, self.person.casefold(), self.video
        return self.video[:10], self.emotion


def find(folder: str | os.PathLike) -> tuple[list[Clip], dict[str, list[str]]]:
    """Finds the clips below a folder.

    Args:
        folder: The folder of all parts, of one part, or of one person.

    Returns:
        The clips, in no particular order but always the same; and a report of lists,
        described in `sase_fe.index`.

    Raises:
        FileNotFoundError: There is no such folder, or no clip in it.
        ValueError: A table of labels is not as expected or contradicts another.
    """
    root = Path(os.path.abspath(os.path.expanduser(folder)))
    if not root.is_dir():
        why = "it is a file, not a folder" if root.exists() else "it does not exist"
        raise FileNotFoundError(_complaint(root, why))
    paths, folders, closed = video.walk(root)
    unreadable = [_shown(path, root) for path in closed]
    found, tables, unknown, other = [], [], [], []
    for path in paths:
        if clip := _clip(path, root):
            found.append(clip)
        elif video.ending(path) == ".csv" and (table := labels.read(path)):
            tables.append((path, table))
        else:
            (unknown if video.ending(path) in _KINDS else other).append(
                _shown(path, root)
            )
    if not found:
        raise FileNotFoundError(
            _complaint(root, _found(paths, unknown, unreadable, root))
        )
    clips, report = _once(found, root)
    known, strange = _known(tables, root)
    report |= _absent(clips, folders, root)
    clips, told = _told_apart(clips, known, root)
    there = {clip.key for clip in clips}
    strange += [f"{n}_{e.upper()}" for n, e in known if (n, e) not in there]
    report |= told | {"labels_without_video": strange, "unknown": unknown}
    report |= {"other_files": other, "unreadable": unreadable}
    return clips, {k: sorted(v, key=plain_files.natural) for k, v in report.items()}


def _complaint(root: Path, why: str) -> str:
    return (
        f"No videos of SASE-FE in {root}: {why}. Expected, in that folder or below, "
        "Train/1/N2A.MP4 (a folder a person, a code a video: "
        f"{', '.join(names.CODES)}) or Validation/0123456789_ANGER.mp4 (ten digits and "
        "the emotion), or point files so named (.npz, .csv, .npy). The dataset belongs "
        "to the iCV Research Group, University of Tartu, which is to be asked for it."
    )


def _found(paths: list[Path], unknown: list, unreadable: list, root: Path) -> str:
    if unreadable:
        return f"not everything in it can be read: {', '.join(unreadable[:5])}"
    if not paths:
        return "it is empty"
    if unknown:
        some = ", ".join(unknown[:5]) + (" ..." if len(unknown) > 5 else "")
        return f"its {len(unknown)} videos or point files have other names: {some}"
    some = ", ".join(_shown(path, root) for path in paths[:5])
    more = " ..." if len(paths) > 5 else ""
    return f"none of its {len(paths)} files is a video or a point file: {some}{more}"


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _clip(path: Path, root: Path) -> Clip | None:
    """Return the clip that a file is, by its name and place; None for another."""
    stem, ending = video.split(path.name)
    if ending not in _KINDS:
        return None
    kind, here = _KINDS[ending], path.parent
    if code := names.code(stem):
        part = _part(here.parent, root) or "train"
        place = part, _group(here.parent, root), " ".join(here.name.split())
        return Clip(path, kind, *names.CODES[code], code, *place)
    if numbered := names.numbered(stem):
        part = _part(here, root) or "test"
        place = part, _group(here, root), ""
        return Clip(path, kind, numbered[1], None, stem.upper(), *place)
    return None


def _group(folder: Path, root: Path) -> str:
    """The folder that people, or flat videos, lie in: what sets its people apart."""
    below = folder != root and folder.is_relative_to(root)
    name = folder.relative_to(root).as_posix() if below else folder.name
    return " ".join(name.split())


def _part(folder: Path, root: Path) -> str | None:
    above = [p for p in folder.parents if p.is_relative_to(root)]
    for place in (folder, *above):
        if match := _PART.fullmatch(re.sub(r"[^a-z]", "", place.name.lower())):
            return _PARTS[match[1]]
    return None


def _once(found: list[Clip], root: Path) -> tuple[list[Clip], dict]:
    """One file a clip: points before a video, then the first by name."""
    by_key = {}
    for clip in found:
        by_key.setdefault(clip.key, []).append(clip)
    clips, spare = [], {"duplicates": [], "videos_with_points": []}
    for files in by_key.values():
        used, *left = sorted(files, key=lambda c: (_RANK[video.ending(c.path)], c.path))
        clips.append(used)
        videos = [c for c in left if c.kind != used.kind]
        for clip in left:
            kind = "videos_with_points" if clip in videos[:1] else "duplicates"
            spare[kind].append(_shown(clip.path, root))
    return clips, spare


def _absent(clips: list[Clip], folders: list[Path], root: Path) -> dict:
    """The codes that people lack, and people's folders without any clip."""
    there = {}
    for clip in clips:
        if clip.person:
            own = there.setdefault((clip.group, clip.person.casefold()), (clip, set()))
            own[1].add(clip.video)
    missing = [
        f"{clip.group}/{clip.person} {code}"
        for clip, own in there.values()
        for code in names.CODES
        if code not in own
    ]
    full = {p for clip in clips for p in (clip.path.parent, *clip.path.parents)}
    around = {clip.path.parent.parent for clip in clips if clip.person}
    empty = [f for f in folders if f.parent in around and f not in full]
    return {"missing": missing, "empty": [_shown(f, root) for f in empty]}


def _known(tables: list, root: Path) -> tuple[dict, list[str]]:
    """All tables in one: (number, emotion) -> (label, subject)."""
    known, source, strange = {}, {}, []
    for path, (entries, others) in tables:
        strange += others
        group = _group(path.parent, root)
        for key, (label, subject) in entries.items():
            # A colon, so that it is never the name of a person's folder.
            told = label, subject and f"{group}:{subject}"
            if known.setdefault(key, told) != told:
                raise ValueError(
                    f"{source[key]} and {path} say different things about "
                    f"{key[0]}_{key[1].upper()}. Keep one of the tables."
                )
            source.setdefault(key, path)
    return known, strange


def _told_apart(clips: list[Clip], known: dict, root: Path) -> tuple[list[Clip], dict]:
    """The clips with their subjects, flat ones with their labels."""
    flat = [clip for clip in clips if not clip.person]
    told = {clip.key: known.get(clip.key, (None, None)) for clip in flat}
    no_label = [clip for clip in flat if told[clip.key][0] is None]
    no_subject = [clip for clip in flat if told[clip.key][1] is None]
    mixed = {clip.group for clip in no_subject}
    spelt, done = {}, []
    for clip in clips:
        label = clip.label
        if clip.person:
            name = clip.group, clip.person.casefold()
            subject = spelt.setdefault(name, f"{clip.group}/{clip.person}")
        else:
            label, subject = told[clip.key]
            if clip.group in mixed:
                subject = f"{clip.group}:unknown"
        done.append(clip._replace(label=label, subject=subject))
    lists = {"unlabelled": no_label, "unknown_subject": no_subject}
    return done, {k: [_shown(c.path, root) for c in v] for k, v in lists.items()}
