"""`zoo.inputs.plain_files`: what is read, and what is walked through."""

import os

import pytest

from zoo.inputs import plain_files, video


def test_only_files_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    assert plain_files.content(tmp_path / "file") == b"x"
    for name, kind in [
        ("", IsADirectoryError),
        ("pipe", FileNotFoundError),
        ("gone", FileNotFoundError),
    ]:
        with pytest.raises(kind, match=name) as caught:
            plain_files.content(tmp_path / name)
        assert str(tmp_path) in str(caught.value)


def test_links_lead_to_no_folder_twice_and_not_out_of_the_tree(tmp_path):
    for name in ("beside", "tree/a/b", "other"):
        (tmp_path / name).mkdir(parents=True)
    for name, to in [("up", tmp_path), ("a/loop", "loop"), ("a/b/back", "../.."),
                     ("root", "/"), ("other", tmp_path / "other")]:  # fmt: skip
        (tmp_path / "tree" / name).symlink_to(to)
    os.mkfifo(tmp_path / "other" / "a.mp4")
    refused = []
    walked = list(plain_files.walk(tmp_path / "tree", refused.append))
    there = [os.path.relpath(here, tmp_path / "tree") for here, *_ in walked]
    assert sorted(there) == [".", "a", "a/b", "other"]
    assert not refused
    _, _, unreadable = video.walk(tmp_path / "tree")
    assert [path.name for path in unreadable] == ["loop", "a.mp4"]
