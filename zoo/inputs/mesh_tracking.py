"""Faces through a video, each under its own number, by the mesh's own points.

A face is looked for where its points were in the frame before; the detector, which is
slower, searches the whole frame at the start, whenever a face was lost, and twice a
second for new ones. A face that returns gets its old number: that of the lost face that
it looks most like (`Face.look`, a coarse picture of the aligned face; no description of
a person). Where two regions run into one face, as when people cross, the one whose face
it looks more like keeps it, and the other one's is waited for, however little of it is
seen at first.

After a gap, or at a cut, another person may be taken up under a number: nothing here
recognises identities.
"""

from dataclasses import dataclass

import numpy as np

from zoo.inputs.face_mesh import Face, FaceMesh, Region, overlap

_SEARCHED_AGAIN = 0.5  # seconds
_SEARCHED_FOR = 1.0  # seconds that a lost face is searched for in every frame
_SAME = 0.5  # overlap of boxes of one face
_LEARNED = 0.02  # share of the last frame in what a face looks like
# Share of the last frame in a face's region: its place, side and angle. What the mesh
# finds trembles less in a region that does (three real videos: by a tenth).
_PLACE, _SIDE, _ANGLE = 0.6, 0.3, 0.5
_SIMILAR = 0.5  # correlation of looks, below which a returning face is a new one
_BESIDE = (
    0.75  # distance of two faces, one of which may hide the other, of their widths
)


@dataclass
class _Track:
    number: int
    face: Face
    look: np.ndarray
    region: Region
    lost: float | None = None  # since when, in seconds
    hidden: bool = False  # by another face, when it was lost

    def similarity(self, face: Face) -> float:
        return float(self.look @ face.look)

    def follow(self, face: Face):
        self.face, before, now = face, self.region, face.next_region
        if self.lost is not None:
            before, self.lost = now, None
        turned = (now.angle - before.angle + np.pi) % (2 * np.pi) - np.pi
        self.region = Region(
            before.x + _PLACE * (now.x - before.x),
            before.y + _PLACE * (now.y - before.y),
            before.side + _SIDE * (now.side - before.side),
            before.angle + _ANGLE * turned,
        )
        look = (1 - _LEARNED) * self.look + _LEARNED * face.look
        self.look = look / max(1e-6, np.linalg.norm(look))


class MeshTracker:
    """Follows all faces from frame to frame.

    Args:
        mesh: finds the points.
    """

    def __init__(self, mesh: FaceMesh):
        self._mesh, self._tracks, self._searched = mesh, [], -np.inf

    def update(self, second: float, picture: np.ndarray) -> dict[int, Face]:
        """Take the next frame.

        Args:
            second: its time; increases from call to call.
            picture: uint8 (height, width, 3), RGB.

        Returns:
            Each face in it by its number, from 0 up.
        """
        active = [track for track in self._tracks if track.lost is None]
        found = [
            (track, self._mesh.find_face(picture, track.region)) for track in active
        ]
        # The most similar first: of two on one face, the other lost its own.
        found.sort(key=lambda pair: -(pair[1] and pair[0].similarity(pair[1]) or -2))
        faces = {}
        for track, face in found:
            if face is None or _is_among(face, faces.values(), _SAME):
                others = [other.face for other in active if other is not track]
                track.lost, track.hidden = second, _is_beside(track.face, others)
            else:
                track.follow(face)
                faces[track.number] = face
        if not faces or self._is_due(second):
            self._searched = second
            self._take_up(picture, faces)
        return dict(sorted(faces.items()))

    def _is_due(self, second: float) -> bool:
        since = [track.lost for track in self._tracks if track.lost is not None]
        recent = any(second - lost <= _SEARCHED_FOR for lost in since)
        return recent or second - self._searched >= _SEARCHED_AGAIN

    def _take_up(self, picture: np.ndarray, faces: dict[int, Face]):
        """Search the whole frame; add to `faces` those that are not among them."""
        for face in self._mesh.find_faces(picture, known=faces.values()):
            lost = [track for track in self._tracks if track.lost is not None]
            track = max(lost, key=lambda one: one.similarity(face), default=None)
            waited_for = [one for one in lost if one.hidden]
            if track and track.similarity(face) < _SIMILAR:
                track = max(
                    waited_for, key=lambda one: one.similarity(face), default=None
                )
            if track is None:
                number = len(self._tracks)
                track = _Track(number, face, face.look, face.next_region)
                self._tracks.append(track)
            track.follow(face)
            faces[track.number] = face


def _is_among(face: Face, others, share: float) -> bool:
    return any(overlap(face.box, other.box) > share for other in others)


def _is_beside(face: Face, others) -> bool:
    x, _, width, _ = face.box
    boxes = [other.box for other in others]
    return any(
        abs(x + width / 2 - box[0] - box[2] / 2) < _BESIDE * (width + box[2])
        for box in boxes
    )
