"""Compares a backend with what TensorFlow wrote: `make test-jax`, `make test-torch`.

Without `DUCHENNE_REFERENCE`, the folder that `reference.py` wrote, there is nothing to
compare with, and these tests are none.
"""

import os
import pathlib
import sys

import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
REFERENCE = os.environ.get("DUCHENNE_REFERENCE")
MEASURED = {}

if REFERENCE:
    sys.path.append(str(HERE))  # for `backend_cases`
else:
    collect_ignore_glob = ["test_*.py"]


class Agreement:
    """The largest difference of a case, held to the limit that the docs give it."""

    def __init__(self, name):
        import keras

        self.name, self.column = name, keras.backend.backend()

    @property
    def limit(self):
        from backend_cases import documented

        rows = documented(self.column)
        assert self.name in rows, f"docs/backends.md has no row `{self.name}`"
        assert 0 < float(rows[self.name]) <= 1e-4, "the project promises 1e-4"
        return float(rows[self.name])

    def check(self, what, got, want, scale=None):
        """Differences as such, relative where values are beyond 1 (or to `scale`)."""
        assert got.shape == want.shape, (self.name, what)
        if want.dtype.kind in "iu":
            np.testing.assert_array_equal(got, want, err_msg=f"{self.name}: {what}")
            return
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want), err_msg=what)
        got, want = (np.nan_to_num(one).astype("float64") for one in (got, want))
        scale = np.maximum(np.abs(want), 1) if scale is None else scale
        found = float(np.max(np.abs(got - want) / scale, initial=0))
        worst = MEASURED.setdefault(self.name, {})
        kind = "step" if what.startswith("change") or what == "loss" else "forward"
        worst[kind] = max(worst.get(kind, 0), found)
        assert found <= self.limit, f"{self.name}, {what}: {found:.1e}"


@pytest.fixture
def agreement():
    """Function from a case's name to its `Agreement`."""
    return Agreement


@pytest.fixture(scope="session")
def reference():
    """The folder that TensorFlow wrote."""
    return pathlib.Path(REFERENCE)


def pytest_terminal_summary(terminalreporter):
    if not MEASURED:
        return
    terminalreporter.section("largest differences from TensorFlow")
    for name, worst in MEASURED.items():
        figures = ", ".join(f"{kind} {found:.0e}" for kind, found in worst.items())
        terminalreporter.write_line(f"{name}: {figures}")
