import pytest


@pytest.fixture
def data(tmp_path):
    """A folder with the data of the fake study."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "data.csv").write_text("a,b\n1,2\n")
    return folder
