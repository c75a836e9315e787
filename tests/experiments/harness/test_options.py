import dataclasses

import pytest

from experiments.harness import options
from tests.experiments.harness import fake


def parse(*argv, kind="real"):
    return fake.STUDY.parse(list(argv), "The doc.", kind)


def test_defaults_and_options():
    chosen, settings = parse()
    assert settings == fake.Settings()
    assert chosen.jobs is None and chosen.data is None and not chosen.resume
    chosen, settings = parse(
        *("--validate", "--seed=3", "--protocol", "observer", "--pause", "0.5"),
        *("--jobs", "2", "--data", "sample", "--resume"),
    )
    assert settings == fake.Settings(3, "observer", pause=0.5, validate=True)
    assert not parse("--validate", "--no-validate")[1].validate
    assert chosen.jobs == 2 and chosen.data == "sample" and chosen.resume


def test_an_option_beats_the_default_of_the_sample():
    assert parse(kind="sample")[1].rounds == 3
    assert parse("--rounds", "9", kind="sample")[1].rounds == 9


@pytest.mark.parametrize(
    "argv, message",
    [
        (["--rounds", "0"], "--rounds: expected a number of 1 or more. Received: 0."),
        (["--rounds", "many"], "--rounds"),
        (["--pause", "-1"], "--pause: expected a number of 0 or more"),
        (["--pause", "nan"], "--pause: expected a number of 0 or more. Received: nan"),
        (["--pause", "inf"], "Received: inf"),
        (["--seed", "-1"], "--seed: expected a number of 0 or more"),
        (["--jobs", "0"], "--jobs: expected a number of 1 or more"),
        (["--protocol", "smile"], "observer"),
        (["--unknown", "1"], "--unknown"),
    ],
)
def test_wrong_options_are_refused(argv, message, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(*argv)
    assert stop.value.code == 2 and message in capsys.readouterr().err


def test_the_limits_of_ranges():
    cases = [
        (options.Share, [0, 1, 0.5], [-0.1, 1.1]),
        (options.BelowOne, [0, 0.9], [1]),
        (options.AboveZero, [1e-9], [0, -1, float("inf")]),
        (options.Positive, [1], [0]),
    ]
    for kind, inside, outside in cases:
        limits = kind.__metadata__[0]
        assert all(value in limits for value in inside), kind
        assert not any(value in limits for value in outside), kind


def test_help(capsys):
    with pytest.raises(SystemExit) as stop:
        parse("--help")
    text = capsys.readouterr().out
    assert stop.value.code == 0 and text.startswith("The doc.")
    assert "On the sample by default: --rounds 3" in text
    for name in [*dataclasses.asdict(fake.Settings()), "data-dir", "jobs", "dask"]:
        assert f"--{name}" in text
    assert "(default: one per core)" in text and "(default: None)" not in text
    assert max(map(len, text.splitlines())) <= 88


def test_settings_as_words():
    values = {"learning_rate": 0.1, "l2": False, "prune": True, "emotions": ("a", "b")}
    words = ["--learning-rate", "0.1", "--no-l2", "--prune", "--emotions", "a", "b"]
    assert options.as_words(values) == words
    assert options.given([*words, "--seed=1"]) == {*values, "seed"}
