"""Downloading weights, from a real server on this machine."""

import functools
import http.server
import threading

import keras
import numpy as np
import pytest

from zoo import weights


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/cut.bin":  # promises more than it sends
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
        else:
            super().do_GET()


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "models" / "duchenne"


def record(url):
    return weights.WeightRecord(
        url=url,
        file_name="weights.bin",
        classes=2,
        input_size=96,
        input_range=(-1.0, 1.0),
        trained_on="nothing",
        licence="Apache-2.0",
        source="this test",
    )


def test_downloads_once_with_a_progress_bar(server, cache, capsys):
    folder, url = server
    (folder / "weights.bin").write_bytes(b"abc")
    path = weights.fetch(record(f"{url}/weights.bin"))
    assert path == str(cache / "weights.bin")
    assert "3/3" in capsys.readouterr().out
    (folder / "weights.bin").unlink()
    assert weights.fetch(record(f"{url}/weights.bin")) == path
    assert [file.name for file in cache.iterdir()] == ["weights.bin"]


@pytest.mark.parametrize("name", ["absent.bin", "cut.bin"])
def test_a_failed_download_says_what_to_do_and_leaves_nothing(server, cache, name):
    url = f"{server[1]}/{name}"
    with pytest.raises(OSError, match="weights=PATH") as caught:
        weights.fetch(record(url))
    assert url in str(caught.value)
    assert str(cache / "weights.bin") in str(caught.value)
    assert list(cache.iterdir()) == []


def test_no_network(cache):
    # Nothing listens on port 9 of this machine.
    with pytest.raises(OSError, match="weights=PATH"):
        weights.fetch(record("http://127.0.0.1:9/weights.bin"))


def test_nothing_is_assigned_when_something_does_not_fit():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="top")])
    before = model.get_weights()
    wrong = {"top/kernel": np.ones((2, 2)), "top/bias": np.ones(3)}
    with pytest.raises(ValueError, match=r"top/bias: expected \(2,\), received \(3,\)"):
        weights.load(model, wrong, "a file", ("top",))
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
