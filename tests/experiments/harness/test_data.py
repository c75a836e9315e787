import pytest

from experiments.harness.data import find_data


@pytest.fixture(autouse=True)
def no_data(tmp_path, monkeypatch):
    """A user without data and with an empty home."""
    monkeypatch.delenv("DUCHENNE_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path / "cache"))


def test_without_data_a_study_runs_on_the_sample(tmp_path):
    folder = tmp_path / "cache" / "sample" / "nvie-v2"
    folder.mkdir(parents=True)
    (folder / "README.txt").write_text("This is the Duchenne project's sample.")
    found, note = find_data("nvie", None, None)
    assert found == folder and "duchenne/nvie" in note and "--data-dir" in note
    assert find_data("nvie", "sample", None) == (folder, "")

    def download(folder):
        raise OSError("no network")

    found, note = find_data("nvie", None, None, download)
    assert found == folder and "no network" in note


def test_data_dir_beats_the_environment_which_beats_the_cache(tmp_path, monkeypatch):
    home = tmp_path / "home" / ".cache" / "duchenne" / "nvie"
    assert find_data("nvie", None, None, lambda folder: folder) == (home, "")
    home.mkdir(parents=True)
    assert find_data("nvie", None, None) == (home, "")
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    (shared / "nvie").mkdir(parents=True)
    mine.mkdir()
    monkeypatch.setenv("DUCHENNE_DATA", str(shared))
    assert find_data("nvie", "real", None)[0] == shared / "nvie"
    assert find_data("nvie", None, mine)[0] == mine
    assert find_data("nvie", None, shared)[0] == shared / "nvie"


def test_wrong_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        find_data("nvie", None, tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"no real data in .*duchenne/nvie"):
        find_data("nvie", "real", None)
    with pytest.raises(ValueError, match="Received: both"):
        find_data("nvie", "sample", tmp_path)
