"""Angles between hidden units, against the paper's double loop over pairs.

    python -m benchmarks.pruning [--units 4096] [--patterns 1024] [--repeat 5]

The loop is the one that Gong section 2.2, prints: for every pair a dot
product, two norms and an arccosine. It runs on 512 units; at the full size only the
first rows of it do, from which its time there is extrapolated by the number of pairs.
"""

import argparse
import statistics
import time

import numpy as np

from zoo.pruning import distinctive_units, unit_angles

COMPARED = 512
ROWS = 4  # of the loop at the full size


def double_loop(activations, rows=None):
    """The angles of all pairs, or of the first rows' pairs only."""
    vectors = activations - 0.5
    count = vectors.shape[1]
    angles = []
    for i in range(count - 1 if rows is None else rows):
        x = vectors[:, i]
        for j in range(i + 1, count):
            y = vectors[:, j]
            norms = np.linalg.norm(x) * np.linalg.norm(y)
            angles.append(np.arccos(float(x.T @ y) / norms) * 360 / 2 / np.pi)
    return np.array(angles)


def timed(function, *arguments):
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def times(function, activations, repeat):
    return [timed(function, activations)[0] for _ in range(repeat)]


def drawn(patterns, units):
    return np.random.default_rng(0).random((patterns, units))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=4096)
    parser.add_argument("--patterns", type=int, default=1024)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args(argv)

    small = drawn(options.patterns, COMPARED)
    unit_angles(small)  # BLAS starts its threads
    ratios = []
    for _ in range(options.repeat):
        loop, expected = timed(double_loop, small)
        ours = statistics.median(times(unit_angles, small, 11))
        angles = unit_angles(small)[np.triu_indices(COMPARED, 1)]
        difference = np.abs(angles - expected).max()
        ratios.append(loop / ours)
        print(
            f"{COMPARED} units, {options.patterns} patterns: double loop {loop:.2f} s, "
            f"unit_angles {1000 * ours:.1f} ms, ratio {ratios[-1]:.0f}, largest "
            f"difference {difference:.1e} degrees",
            flush=True,
        )
    print(f"ratio, median of {options.repeat}: {statistics.median(ratios):.0f}")

    large = drawn(options.patterns, options.units)
    angles = min(times(unit_angles, large, 3))
    units = min(times(distinctive_units, large, 3))
    part, some = timed(double_loop, large, ROWS)
    pairs = options.units * (options.units - 1) // 2
    whole = part * pairs / len(some)
    print(
        f"{options.units} units, {options.patterns} patterns: unit_angles {angles:.2f} "
        f"s, distinctive_units {units:.2f} s; double loop {whole:.0f} s, extrapolated "
        f"from {len(some)} of {pairs} pairs: ratio {whole / angles:.0f}"
    )


if __name__ == "__main__":
    main()
