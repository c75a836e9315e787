"""Hypothesis against every reader: any bytes give a result or a clean error.

A few inputs each, always the same, in the default run. `pytest -m large tests/fuzz`
tries others each time; the environment variable DUCHENNE_FUZZ says how many per test.
"""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
sys.path.append(str(HERE))  # for `fuzzing`

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
