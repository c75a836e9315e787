import pytest

from datasets import sample


@pytest.fixture(scope="session")
def two(tmp_path_factory):
    """Two expressions of the GFE sample, linked into a folder of their own."""
    folder = tmp_path_factory.mktemp("data") / "gfe"
    folder.mkdir()
    for path in sample.path("gfe").glob("?_*.txt"):
        if "affirmative" in path.name or "doubt" in path.name:
            (folder / path.name).symlink_to(path)
    return folder
