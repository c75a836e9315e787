"""A video's face, frame by frame as the video is decoded, with little memory."""

from collections.abc import Iterator

from zoo.inputs.face_tracking import PATIENCE, FaceTracker, opencv
from zoo.inputs.faces import cut
from zoo.inputs.video import Video


def followed(video: Video, framing: dict | None) -> Iterator[tuple]:
    """Follow a face and cut it out; see `zoo.inputs.face_tracking`.

    What the tracker alone says of a frame waits until the cascade has its word, half a
    second at most.

    Args:
        video: Its frames are used up.
        framing: How the face is to lie, see `zoo.inputs.faces`; None takes the frames
            whole, with or without a face.

    Yields:
        The frame's number, its second, the face's box or None, and what was cut out,
        uint8 (height, width, 3), RGB, or None where there is no face.
    """
    cv2 = opencv()
    tracker = FaceTracker()
    # The run of the last frame that the cascade confirmed, and its time.
    waiting, run, confirmed = [], 0, 0.0
    for number, (second, frame) in enumerate(video):
        if framing is None:
            yield number, second, None, frame
            continue
        box, seen = tracker.update(second, cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))
        face = None if box is None else cut(frame, box, framing)
        if seen:
            yield from waiting if seen == run else map(without, waiting)
            waiting, run, confirmed = [], seen, second
            yield number, second, box, face
            continue
        waiting.append((number, second, box, face))
        if second - confirmed > PATIENCE:
            run = 0  # nothing that comes can confirm them any more
            yield from map(without, waiting)
            waiting = []
    yield from map(without, waiting)


def without(entry: tuple) -> tuple:
    return *entry[:2], None, None
