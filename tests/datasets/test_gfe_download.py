"""`datasets.gfe_download` against a real server: complete or not at all."""

import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from datasets import gfe, gfe_download
from datasets.sample import gfe as sample


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.length))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(monkeypatch):
    """Starts to serve a body under any path; returns the address."""
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:

        def start(body, status=200, length=None):
            server.body, server.status = body, status
            server.length = len(body) if length is None else length
            return f"http://127.0.0.1:{server.server_port}/gfe.zip"

        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield start
        server.shutdown()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The 36 files, by name, and one that does not belong to them."""
    folder = tmp_path_factory.mktemp("files")
    sample.render(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "gfe"


def refused(url, folder, message):
    """The download fails, says all it has to, and leaves nothing behind."""
    with pytest.raises(OSError, match=message) as caught:
        gfe_download.download(folder, url)
    for text in (url, str(folder), "By hand", "--data-dir"):
        assert text in str(caught.value)
    assert list(folder.parent.iterdir()) == []


@pytest.mark.parametrize("layout", ["flat", "folders", "a zip in the zip"])
def test_success(layout, serve, folder, files):
    if layout == "folders":
        inside = {f"gfe/{name[0]}/{name}": data for name, data in files.items()}
        body = zipped(inside | {"__MACOSX/._a_topics_targets.txt": b"\0\5\x16\7"})
    else:
        body = zipped(files)
    url = serve(zipped({"gfe.zip": body}) if layout.startswith("a zip") else body)
    assert gfe_download.download(str(folder), url) == folder
    expected = {name: data for name, data in files.items() if name != "README.txt"}
    assert len(expected) == 36
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert len(gfe.index(folder)) == sum(
        len(data.split()) for name, data in files.items() if "targets" in name
    )
    # As any folder that one makes.
    (folder.parent / "other").mkdir()
    assert folder.stat().st_mode == (folder.parent / "other").stat().st_mode


def test_incomplete_or_damaged(serve, folder, files):
    body = zipped(files)
    refused(serve(body[:-1000], length=len(body)), folder, "IncompleteRead")
    refused(serve(b"<html>Please log in</html>"), folder, "not a zip file")
    refused(serve(b"", status=503), folder, "503")
    half = {k: v for k, v in files.items() if k != "b_topics_targets.txt"}
    refused(serve(zipped(half)), folder, "without its targets file")
    less = {k: v for k, v in files.items() if "b_topics" not in k}
    refused(serve(zipped(less)), folder, "lacks b_topics")


def test_nothing_is_overwritten(serve, folder, files):
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(OSError, match="not empty"):
        gfe_download.download(folder, serve(zipped(files)))
    assert [path.name for path in folder.parent.iterdir()] == ["gfe"]
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
