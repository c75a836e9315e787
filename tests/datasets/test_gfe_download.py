"""`datasets.gfe_download` against a real server: complete or not at all."""

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from datasets import gfe, gfe_download
from datasets.sample import gfe as sample

ROOT = Path(__file__).parents[2]


class Server(ThreadingHTTPServer):
    """Serves `body` under any path, as its other attributes say."""

    body = b""
    status = 200
    length = None  # what Content-Length says, if not the truth; "" leaves it out
    before = staticmethod(lambda: None)  # called before the answer
    after = staticmethod(lambda: None)  # called before the connection is closed


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.before()
        self.send_response(self.server.status)
        length = self.server.length
        if length != "":
            told = len(self.server.body) if length is None else length
            self.send_header("Content-Length", str(told))
        self.end_headers()
        try:
            self.wfile.write(self.server.body)
            self.wfile.flush()
            self.server.after()
        except OSError:
            pass  # the other side has hung up

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server(("127.0.0.1", 0), Handler) as running:
        running.url = f"http://127.0.0.1:{running.server_port}/gfe.zip"
        threading.Thread(target=running.serve_forever, args=(0.01,)).start()
        yield running
        running.shutdown()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The 36 files, by name, and one that does not belong to them."""
    folder = tmp_path_factory.mktemp("files")
    sample.render(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def zipped(files, level=1, kind=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind, compresslevel=level) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def whole(files):
    return zipped(files)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "gfe"


def refused(server, folder, message):
    """The download fails, says all it has to, and leaves nothing behind."""
    with pytest.raises(OSError, match=message) as caught:
        gfe_download.download(folder, server.url)
    text = str(caught.value)
    for part in (server.url, str(folder), "browser", "--data-dir"):
        assert part in text
    assert list(folder.parent.iterdir()) == []


def complete(folder, files):
    expected = {name: data for name, data in files.items() if name != "README.txt"}
    assert len(expected) == 36
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_success(server, folder, files, whole):
    server.body = whole
    assert gfe_download.download(str(folder), server.url) == folder
    complete(folder, files)
    assert len(gfe.index(folder)) == sum(
        len(data.split()) for name, data in files.items() if "targets" in name
    )
    # As any folder that one makes.
    (folder.parent / "other").mkdir()
    assert folder.stat().st_mode == (folder.parent / "other").stat().st_mode


def test_without_a_content_length(server, folder, files, whole):
    server.body, server.length = whole, ""
    gfe_download.download(folder, server.url)
    complete(folder, files)


def test_in_folders(server, folder, files):
    server.body = zipped(
        {
            f"grammatical_facial_expression/{name[0]}/{name}": data
            for name, data in files.items()
        }
        | {"__MACOSX/._a_topics_targets.txt": b"\0\5\x16\7", "empty/": b""}
    )
    gfe_download.download(folder, server.url)
    complete(folder, files)


def test_a_zip_in_the_zip(server, folder, files, whole):
    server.body = zipped({"grammatical_facial_expression.zip": whole, "note": b"."}, 0)
    gfe_download.download(folder, server.url)
    complete(folder, files)


def test_a_zip_in_a_zip_in_the_zip_is_too_much(server, folder, whole):
    server.body = zipped({"2.zip": zipped({"1.zip": whole}, 0)}, 0)
    refused(server, folder, "none of the expected files, .* 1 others: 1.zip")


def test_two_zips_in_the_zip(server, folder):
    server.body = zipped({"1.zip": b"", "2.zip": b""})
    refused(server, folder, "none of the expected files, .* 1.zip, 2.zip")


def test_cut_off(server, folder, whole):
    server.body, server.length = whole[:-1000], len(whole)
    refused(server, folder, f"ended after {len(whole) - 1000} of {len(whole)} bytes")


def test_cut_off_without_a_content_length(server, folder, whole):
    server.body, server.length = whole[:-1000], ""
    refused(server, folder, "damaged or no zip")


def test_no_zip(server, folder):
    for body in (b"<html>Please log in</html>", b""):
        server.body = body
        refused(server, folder, "damaged or no zip")


def test_a_flipped_byte_in_the_data(server, folder, whole):
    body = bytearray(whole)
    body[len(body) // 2] ^= 1
    server.body = bytes(body)
    refused(server, folder, "damaged or no zip")


def test_flipped_bytes_anywhere(server, folder):
    # Not all 18 recordings, so that it is never taken, whatever is flipped.
    small = zipped({f"a_topics_{kind}.txt": b"0\r\n1" * 9
                    for kind in ("datapoints", "targets")})  # fmt: skip
    rng = np.random.default_rng(0)
    for position in range(0, len(small), 3):
        body = bytearray(small)
        body[position] ^= int(rng.integers(1, 256))
        server.body = bytes(body)
        refused(server, folder, "Could not download")


@pytest.mark.parametrize(
    ("kind", "local", "central", "value"),
    [
        (zipfile.ZIP_DEFLATED, 6, 8, 1),  # flags: encrypted
        (zipfile.ZIP_DEFLATED, 8, 10, 99),  # an unknown compression
        (zipfile.ZIP_DEFLATED, 40, 40, 0),  # the name, and no longer the same
        (zipfile.ZIP_DEFLATED, 51, 5, 255),  # data
        (zipfile.ZIP_LZMA, 60, 20, 1),  # data, and compressed size
        (zipfile.ZIP_LZMA, 61, 5, 77),  # data
        (zipfile.ZIP_BZIP2, 61, 5, 77),  # data
    ],
)
def test_damaged_in_all_ways_that_zipfile_knows(
    server, folder, kind, local, central, value
):
    body = bytearray(zipped({"a_topics_targets.txt": b"0\r\n1" * 99}, kind=kind))
    body[local] = value
    body[body.index(b"PK\1\2") + central] = value
    server.body = bytes(body)
    refused(server, folder, "damaged or no zip|Could not download")


@pytest.mark.parametrize(
    "name",
    [
        "../a_topics_targets.txt",
        "x/../../evil.txt",
        "/etc/evil.txt",
        "..\\evil.txt",
        "C:\\evil.txt",
        "C:evil.txt",
        "\\evil.txt",
        "x/..",
    ],
)
def test_a_member_that_climbs_out(server, folder, files, whole, name):
    buffer = io.BytesIO(whole)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, "0")
    server.body = buffer.getvalue()
    refused(server, folder, "a path that leads out of its folder")
    server.body = zipped({"inner.zip": server.body}, 0)
    refused(server, folder, "a path that leads out of its folder")


@pytest.mark.parametrize("status", [404, 500, 503])
def test_server_error(server, folder, whole, status):
    server.body, server.status = whole, status
    refused(server, folder, f"HTTP Error {status}")


def test_connection_refused(server, folder):
    server.server_close()
    refused(server, folder, "refused")


def test_a_server_that_stalls(server, folder, whole, monkeypatch):
    released = threading.Event()
    server.body, server.length = whole[:1000], len(whole)
    server.after = lambda: released.wait(5)  # and then it is cut off
    assert gfe_download._TIMEOUT == 30
    monkeypatch.setattr(gfe_download, "_TIMEOUT", 0.2)
    refused(server, folder, "timed out")
    released.set()


def test_not_http(server, folder, whole, tmp_path):
    (tmp_path / "gfe.zip").write_bytes(whole)
    server.url = (tmp_path / "gfe.zip").as_uri()
    with pytest.raises(OSError, match="begins with http:// or https://"):
        gfe_download.download(folder, server.url)
    assert list(folder.parent.iterdir()) == []


def test_a_recording_missing(server, folder, files):
    server.body = zipped({k: v for k, v in files.items() if "b_topics" not in k})
    refused(server, folder, "lacks the recordings b_topics")


def test_half_a_recording(server, folder, files):
    server.body = zipped(
        {k: v for k, v in files.items() if k != "b_topics_targets.txt"}
    )
    refused(server, folder, "without its targets file")


def test_a_file_that_does_not_parse(server, folder, files):
    bad = {"b_topics_targets.txt": files["b_topics_targets.txt"] + b"\r\n7"}
    server.body = zipped(files | bad)
    refused(server, folder, "expected 0 or 1, received '7'")


def test_a_file_twice(server, folder, files):
    server.body = zipped(files | {"old/b_topics_targets.txt": b"0"})
    refused(server, folder, "holds b_topics_targets.txt twice")


def test_absurd_sizes(server, folder, whole, monkeypatch):
    server.body, server.length = whole, 2**40
    refused(server, folder, f"it has {2**40} bytes or more; expected less")
    # The same where only counting tells, and for what it would unpack to.
    server.length = ""
    for limit, sizes in (
        (100_000, range(100_001, 200_000)),
        (len(whole), range(2 * len(whole), 10**8)),
    ):
        monkeypatch.setattr(gfe_download, "_LIMIT", limit)
        with pytest.raises(OSError, match="bytes or more; expected less") as caught:
            gfe_download.download(folder, server.url)
        assert int(re.search(r"it has (\d+) bytes", str(caught.value))[1]) in sizes


def test_nothing_is_overwritten(server, folder, whole):
    server.body = whole
    folder.mkdir(parents=True)
    with pytest.raises(FileExistsError, match=f"{folder} exists already"):
        gfe_download.download(folder, server.url)
    folder.rmdir()
    folder.symlink_to("nowhere")
    with pytest.raises(FileExistsError, match=f"{folder} exists already"):
        gfe_download.download(folder, server.url)


def test_a_place_that_cannot_be_written(server, folder, tmp_path):
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(OSError, match="Could not download .*") as caught:
        gfe_download.download(folder, server.url)
    assert str(folder) in str(caught.value)
    assert (tmp_path / "data").read_text() == "no folder"


def test_two_at_once(server, folder, files, whole):
    server.body = whole
    server.before = threading.Barrier(2).wait
    results = []

    def run():
        results.append(gfe_download.download(folder, server.url))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [folder, folder]
    complete(folder, files)


def test_something_else_was_put_there_meanwhile(server, folder, whole):
    def interfere():
        folder.mkdir()
        (folder / "mine.txt").write_text("mine")

    server.body, server.before = whole, interfere
    with pytest.raises(OSError, match="No Grammatical Facial Expressions in"):
        gfe_download.download(folder, server.url)
    assert [path.name for path in folder.parent.iterdir()] == ["gfe"]
    assert (folder / "mine.txt").read_text() == "mine"


def test_a_file_was_put_there_meanwhile(server, folder, whole):
    server.body, server.before = whole, lambda: folder.write_text("mine")
    with pytest.raises(OSError, match="Not a directory"):
        gfe_download.download(folder, server.url)
    assert [path.name for path in folder.parent.iterdir()] == ["gfe"]
    assert folder.read_text() == "mine"


def test_interrupted(server, folder, whole):
    released, reached = threading.Event(), threading.Event()
    server.body, server.length = whole[:300_000], len(whole)
    server.after = lambda: reached.set() or released.wait()
    program = (
        "import sys; from datasets import gfe_download;"
        "gfe_download.download(sys.argv[1], sys.argv[2])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder), server.url],
        cwd=ROOT,
        env={**os.environ, "no_proxy": "*"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert reached.wait(30)
        deadline = time.monotonic() + 10
        while not any(folder.parent.rglob("archive.zip")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in process.communicate(timeout=30)[1]
    finally:
        released.set()
        process.kill()
    assert process.returncode != 0
    assert list(folder.parent.iterdir()) == []
