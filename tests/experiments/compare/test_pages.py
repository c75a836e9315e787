import contextlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from experiments import run_folder
from experiments.compare import commands, figures, pages, text
from experiments.compare.__main__ import main

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def written(every, tmp_path_factory):
    """The folder that the command fills; what it prints is in the folder above."""
    out = tmp_path_factory.mktemp("out") / "new" / "compare"
    told = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(told):
        patch.setenv("COLUMNS", "300")
        assert main([str(every), "--out", str(out)]) == 0
    (out.parent / "screen.txt").write_text(told.getvalue())
    return out


class Page(HTMLParser):
    """Collects a page's elements, and the words outside of style sheets."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.styled = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.styled = tag == "style"

    def handle_endtag(self, tag):
        self.styled = False

    def handle_data(self, data):
        if not self.styled:
            self.words.append(data)

    def tags(self):
        return {tag for tag, _ in self.elements}


def test_the_page_needs_nothing_else(written):
    text = (written / "compare.html").read_text()
    page = Page(text)
    assert not page.tags() & set(
        "script iframe object embed img audio video base form".split()
    )
    names = [a["id"] for _, a in page.elements if "id" in a]
    assert len(names) == len(set(names))
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("src", "href", "xlink:href", "srcset", "action", "poster"):
            link = attributes.get(key) or "#"
            if link != "data:,":
                assert link.startswith("#"), (tag, link)
                assert link == "#" or link[1:] in names
    assert "http:" not in text and "https:" not in text and "@import" not in text
    for target in re.findall(r"url\(([^)]*)\)", text):
        assert target.startswith("#") and target[1:] in names
    figures = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(figures) > 20
    assert all(len(one["aria-label"]) > 20 for one in figures)
    # Stand-in colours are gone, and text is text.
    assert "#fe0" not in text and text.count("<text") > 100


def test_the_page_says_what_the_tables_say(written, found):
    words = "".join(Page((written / "compare.html").read_text()).words)
    assert "SAMPLE data, made by code, not people: NVIE, SASE-FE" in words
    assert "It is no lie detector." in words and "0123456789ab" in words
    for group in found:
        for model, name in group.names.items():  # the legend of the ROC curves
            assert f"{name}{figures.area(model):.3f}" in words
        assert words.count(group.title) >= 4
        assert group.about in words
        for row in group.rows:
            assert row.name in words and row.note in words
    assert "VALIDATION, not the test part" in words
    assert "QUICK settings: NVIE. The figures say" in words
    assert "of what" in words and "Under each value: its 95 % interval" in words


def test_no_place_on_anybodys_disk_is_told(written, tmp_path_factory):
    for path in written.iterdir():
        text = path.read_text()
        assert "/home/someone" not in text and "/tmp" not in text
        assert str(tmp_path_factory.getbasetemp()) not in text
        assert "--data-dir" not in text and "--out" not in text
        assert "python -m experiments.nvie_cnn" in text


@pytest.mark.parametrize(
    "given, told",
    [
        ("python -m x --data real --out /a/b --epochs 3", "--data real --epochs 3"),
        ("python -m x --data-dir=/a --ou b --seed 1", "--seed 1"),
        ("python -m x --dask tcp://host:1 --jobs 2", "--jobs 2"),
        ("python -m x --storage postgresql://u:secret@h/d", ""),
        ("python -m x --sto postgresql://u:secret@h/d --seed 1", "--seed 1"),
        ("python -m x --da /a --steps 5", "--steps 5"),
        ("python -m x --from s3://u:p/w@h/d", "--from s3://...@h/d"),
        ("python -m x --weights ../alice/w.h5", "--weights .../w.h5"),
        ("python -m x --weights=alice/w.h5", "--weights=.../w.h5"),
        ("python -m x --data-d '/a b/c' --resume", "--resume"),
        ("python -m x --weights /home/me/w.h5", "--weights .../w.h5"),
        ("python -m x --weights=~/w.h5 --size 3", "--weights=.../w.h5 --size 3"),
        (r"python -m x --weights 'C:\me\w.h5'", "--weights .../w.h5"),
        ("python -m x --steps 5 --optimizer sgd", "--steps 5 --optimizer sgd"),
        ("python -m x 'unclosed", None),
    ],
)
def test_commands_are_told_without_places(given, told):
    import types

    record = types.SimpleNamespace(config={"command": given})
    expected = "not readable" if told is None else f"python -m x {told}".strip()
    assert commands.command(record) == expected


def test_names_are_text_wherever_they_stand(tmp_path, make):
    evil = "<script>alert(1)<img src=x onerror=alert(2)>|`*_[a](b) $x_1$ \"'&amp;"
    run = make.nvie(tmp_path / "runs" / evil)
    make.nvie(tmp_path / "runs" / "other")  # so that the name is told by the folder
    config = json.loads((run / "config.json").read_text())
    config["settings"]["weights"] = config["commit"] = evil
    (run / "config.json").write_text(json.dumps(config))
    (make.nvie(tmp_path / "runs" / f"{evil}2") / "metrics.json").unlink()
    out = tmp_path / "out"
    assert main([str(tmp_path / "runs"), "--out", str(out)]) == 0
    page = Page((out / "compare.html").read_text())
    assert not page.tags() & {"script", "img"}
    assert not [1 for _, attributes in page.elements if "onerror" in attributes]
    assert evil in "".join(page.words)
    well_formed((out / "compare.md").read_text())
    prose = re.sub(r"`[^`\n]*`", "", (out / "compare.md").read_text())
    assert "<script" not in prose and "<img" not in prose


def well_formed(text):
    """Every table has as many cells in each row, and a line before and after it."""
    tables = 0
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if not lines or not lines[0].startswith("|"):
            assert "\n|" not in block
            continue
        tables += 1
        assert re.fullmatch(r"\|---(\|---:)+\|", lines[1])
        cells = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
        assert len(set(cells)) == 1 and all(line.endswith("|") for line in lines)
    return tables


def test_the_markdown_is_well_formed(written, found):
    text = (written / "compare.md").read_text()
    assert well_formed(text) == len(found) + sum(bool(group.tests) for group in found)
    assert len(re.findall("^# ", text, re.MULTILINE)) == 1
    for group in found:
        assert f"\n## {group.title}\n" in text


def test_it_says_what_made_it(written):
    for name in ("compare.md", "compare.html"):
        text = (written / name).read_text()
        commit = commands.short_commit(run_folder.commit())
        assert f" at commit {commit} by " in text
        assert re.search(r"python -m experiments.compare \.\.\./runs\d+\b", text)


def test_the_screen_is_no_wider_than_100_columns(written, found):
    told = (written.parent / "screen.txt").read_text()
    tables = told.partition("\nPage: ")[0]
    assert max(map(len, tables.splitlines())) <= 100
    assert "majority class" in told and "SAMPLE" in told
    flat = " ".join(told.split())
    for group in found:
        for row in group.rows:
            if row.kind == "paper":
                assert row.note in flat and row.name in flat
            for value, interval in row.values.values() if row.kind == "model" else ():
                if interval:
                    assert f"{value:.3f}" in told
                    assert f"{interval[0]:.3f}-{interval[1]:.3f}" in told
        for _, difference, interval, *_, last in text.tests_of(group)[1:]:
            row = re.compile(
                f".*{re.escape(difference)} .*{re.escape(interval)}.* {last[:7]}"
            )
            assert any(map(row.match, tables.splitlines()))
    assert "QUICK settings" in flat


def test_files_are_whole_or_as_they_were(every, tmp_path, monkeypatch, capsys):
    run = str(every / "sase_lstm_pb")
    (tmp_path / "compare.html").write_text("before")

    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    def cut_short(path, *arguments):
        whole = path.name.startswith(".compare.md")
        return write(path, *arguments) if whole else full(path, path)

    write = pathlib.Path.write_text

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        assert main([run, "--out", str(tmp_path)]) == 1
    assert "error: " in capsys.readouterr().err
    with monkeypatch.context() as patched:
        patched.setattr(pathlib.Path, "write_text", cut_short)
        with pytest.raises(OSError):
            pages.write(tmp_path, {"compare.md": "a", "compare.html": "b"})
    assert [path.name for path in tmp_path.iterdir()] == ["compare.html"]
    assert (tmp_path / "compare.html").read_text() == "before"
    with pytest.raises(OSError, match="is not a folder"):
        pages.write(tmp_path / "compare.html", {})


def test_it_needs_no_backend_and_no_reader_and_repeats_itself(every, tmp_path):
    run, out = str(every / "pupil_lstm"), tmp_path / "here"
    assert main([run, "--out", str(out)]) == 0
    code = (
        "import sys; from experiments.compare.__main__ import main; "
        f"status = main([{run!r}, '--out', {str(tmp_path)!r}]); "
        "heavy = {'tensorflow', 'keras', 'torch', 'jax', 'optuna', 'distributed'}; "
        "sys.exit(status or ' '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    arguments = [sys.executable, "-c", code]
    with subprocess.Popen(arguments, cwd=ROOT, **pipes) as process:
        process.stdout.close()  # `| head`
        assert process.stderr.read() == ""
    assert process.returncode == 0
    for name in ("compare.md", "compare.html"):
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()


@pytest.mark.large
def test_a_run_that_a_study_has_just_written(tmp_path, capsys):
    from experiments import pupil_course

    options = ["--data", "sample", "--protocol", "observer", "--out", str(tmp_path)]
    run = pupil_course.main(options)
    capsys.readouterr()
    assert main([str(run), "--out", str(tmp_path / "page")]) == 0
    report = (run / "report.md").read_text()
    text = (tmp_path / "page" / "compare.md").read_text()
    pattern = r"\| Course of the pupil[^|]*this run[^|]*\|(.*)\n"
    row = re.search(pattern, report).group(1)
    accuracy, interval, balanced, inside, area, around = (
        cell.strip() for cell in row.split("|")[:6]
    )
    for value, span in ((accuracy, interval), (balanced, inside), (area, around)):
        assert f"| {value} ({span.replace('-', ' to ')}) |" in text
    shown = "above chance" if "Above chance" in report else "NOT shown to beat chance"
    assert shown in text
