"""Pictures for the example: three woven cloths, drawn by code."""

import numpy as np
import tensorflow as tf

CLOTHS = {
    "across": lambda x, y: y > 0,
    "along": lambda x, y: x > 0,
    "checked": lambda x, y: x * y > 0,
}


def draw(folder, each=120, size=96):
    """Draws PNG files, one folder a class, as your own pictures might lie there."""
    rng = np.random.default_rng(0)
    for name, weave in CLOTHS.items():
        (folder / name).mkdir(parents=True)
        for number in range(each):
            steps, shift = np.arange(size) / rng.uniform(6, 14), rng.uniform(0, 1, 2)
            x, y = (np.sin(2 * np.pi * (steps + by)) for by in shift)
            pattern = np.broadcast_to(weave(x, y[:, None]), (size, size))
            picture = np.where(pattern[..., None], *rng.uniform(40, 215, (2, 3)))
            picture = np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255)
            png = tf.io.encode_png(picture.astype("uint8"))
            tf.io.write_file(str(folder / name / f"{number:03}.png"), png)
