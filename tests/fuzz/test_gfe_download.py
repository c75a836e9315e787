"""The archive that the GFE download takes: damaged, it leaves nothing behind."""

import io
import threading
import zipfile
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fuzzing import anything, attempt, damage, damaged, folder
from hypothesis import given
from hypothesis import strategies as st

from datasets import gfe_download
from zoo.inputs.gfe_files import EXPRESSIONS, HEADER, SIGNERS


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running, pytest.MonkeyPatch(
    ).context() as patch:  # fmt: skip
        patch.setenv("no_proxy", "*")
        running.url = f"http://127.0.0.1:{running.server_port}/gfe.zip"
        threading.Thread(target=running.serve_forever, args=(0.01,)).start()
        yield running
        running.shutdown()


@cache
def files():
    points = " ".join(HEADER) + "\n" + " ".join(["1"] * 301) + "\n"
    made = {}
    for expression in EXPRESSIONS:
        for signer in SIGNERS:
            made[f"{signer}_{expression}_datapoints.txt"] = points
            made[f"{signer}_{expression}_targets.txt"] = str(int(signer == "a"))
    return made


def zipped(files, kind):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


METHODS = st.sampled_from(
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)


def check(server, body):
    """All 36 files as they were packed, or an error and nothing."""
    server.body = body
    with folder() as here:
        target = here / "gfe"
        made, told = attempt("GFE archives", gfe_download.download, target, server.url)
        if told is None:
            contents = {path.name: path.read_text() for path in made.iterdir()}
            assert contents == files()
        assert [p.name for p in here.iterdir()] == (["gfe"] if told is None else [])
    return told


@given(anything())
def test_anything(server, data):
    assert check(server, data)


@given(METHODS, damage(), st.booleans())
def test_damaged(server, kind, changes, directory):
    body = zipped(files(), kind)
    if directory:
        at = body.index(b"PK\x01\x02")
        body = body[:at] + damaged(body[at:], changes)
    else:
        body = damaged(body, changes)
    check(server, body)


@given(st.lists(st.sampled_from(["x/", "", "a b/é/"]), min_size=2), METHODS)
def test_whole(server, places, kind):
    """In whatever folder, with whatever beside it."""
    packed = {places[0] + name: text for name, text in files().items()}
    packed |= {f"{place}README {n}": "x" for n, place in enumerate(places)}
    assert check(server, zipped(packed, kind)) is None
