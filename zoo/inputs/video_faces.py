"""A video's face, frame by frame as the video is decoded, with little memory."""

from collections.abc import Iterator

from zoo.inputs.face_tracking import FaceTracker
from zoo.inputs.faces import cut
from zoo.inputs.video_frames import Video, opencv


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
    tracker = FaceTracker(video.fps)
    waiting, run = [], 0  # the run of the last frame that the cascade confirmed
    start = None
    for number, (second, frame) in enumerate(video):
        start = second if start is None else start
        # Some containers tell no times, but the same one again and again.
        told = second > start or not number
        place = number, second - start if told else number / video.fps
        if framing is None:
            yield *place, None, frame[..., ::-1]
            continue
        box, seen = tracker.update(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
        face = None if box is None else cut(frame, box, framing)[..., ::-1]
        if seen:
            believed = seen == run and len(waiting) <= tracker.patience
            yield from waiting if believed else map(without, waiting)
            waiting, run = [], seen
            yield *place, box, face
            continue
        waiting.append((*place, box, face))
        if len(waiting) > tracker.patience:
            run = 0  # nothing that comes can confirm them any more
            yield from map(without, waiting)
            waiting = []
    yield from map(without, waiting)


def without(entry: tuple) -> tuple:
    return *entry[:2], None, None
