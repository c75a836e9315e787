"""Any bytes give a result or a clean error: Hypothesis against every reader.

A few inputs each, always the same, in the default run. `pytest -m large tests/fuzz`
tries thousands, each time others, and ends with a count of what was tried; the
environment variable DUCHENNE_FUZZ says how many a test.
"""

import os
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
sys.path.append(str(HERE))  # for `fuzzing`

import fuzzing  # noqa: E402

KEY = "fuzz"
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]
COMMON = {"deadline": None, "database": None, "suppress_health_check": CHECKS}
settings.register_profile("few", derandomize=True, max_examples=12, **COMMON)
MANY = int(os.environ.get("DUCHENNE_FUZZ") or 1500)
settings.register_profile("many", max_examples=MANY, print_blob=True, **COMMON)


def pytest_configure(config):
    large = config.option.markexpr == "large"
    settings.load_profile("many" if large else "few")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if config.option.markexpr == "large":
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.large)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    # With the report, which also comes here from processes of pytest-xdist.
    before = Counter(fuzzing.COUNTS)
    try:
        return (yield)
    finally:
        for (reader, outcome), count in (fuzzing.COUNTS - before).items():
            item.user_properties.append((KEY, [reader, outcome, count]))


def pytest_terminal_summary(terminalreporter):
    counts = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for key, value in report.user_properties:
                    if key == KEY:
                        counts[value[0], value[1]] += value[2]
    readers = sorted({reader for reader, _ in counts})
    if readers:
        terminalreporter.section("fuzzed readers: inputs tried")
        line = "{:<34}{:>9}{:>9}{:>9}".format
        terminalreporter.write_line(line("", "tried", "read", "refused"))
        for reader in [*readers, "together"]:
            read, refused = (
                sum(n for (r, o), n in counts.items() if o == outcome)
                if reader == "together"
                else counts[reader, outcome]
                for outcome in ("read", "refused")
            )
            told = line(reader, read + refused, read, refused)
            terminalreporter.write_line(told)


@pytest.fixture(scope="session")
def sandbox():
    """A process that readers are called in; see `fuzzing.Sandbox`."""
    made = fuzzing.Sandbox()
    yield made
    made.stop()
