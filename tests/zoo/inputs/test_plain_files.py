"""`zoo.inputs.plain_files`: what is read, and what is walked through."""

import os

import pytest

from zoo.inputs import plain_files, video_files


def test_only_files_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    assert plain_files.content(tmp_path / "file") == b"x"
    for name, kind, why in [
        ("pipe", OSError, "a pipe"),
        ("", IsADirectoryError, "a folder"),
        ("gone", FileNotFoundError, "gone"),
        ("zero\0", FileNotFoundError, "there is no file"),
    ]:
        with pytest.raises(kind, match=why) as caught:
            plain_files.content(os.path.join(tmp_path, name))
        assert str(tmp_path) in str(caught.value)


def test_links_lead_to_no_folder_twice_and_not_out_of_the_tree(tmp_path):
    for name in ("beside", "tree/a/b", "other"):
        (tmp_path / name).mkdir(parents=True)
    for name, to in [("up", tmp_path), ("a/loop", "loop"), ("a/b/back", "../.."),
                     ("root", "/"), ("other", tmp_path / "other")]:  # fmt: skip
        (tmp_path / "tree" / name).symlink_to(to)
    refused = []
    walked = list(plain_files.walk(tmp_path / "tree", refused.append))
    there = [os.path.relpath(here, tmp_path / "tree") for here, *_ in walked]
    assert sorted(there) == [".", "a", "a/b", "other"]
    assert not refused
    assert sorted(walked[0][1]) == ["a", "other", "root", "up"]


def test_folders_deeper_than_python_s_recursion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(1100):
        os.mkdir("d")
        os.chdir("d")
    files, folders, unreadable = video_files.walk(tmp_path)
    assert len(folders) == 1101 and not files and not unreadable
    for _ in range(1100):  # pytest's own clearing would not come to an end
        os.chdir("..")
        os.rmdir("d")


def test_a_pipe_is_no_video(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").touch()
    files, _, unreadable = video_files.walk(tmp_path)
    assert [path.name for path in files] == ["b.mp4"]
    assert [path.name for path in unreadable] == ["a.mp4"]
