"""Run folders of every kind, by the harness's own writers, and files to read."""

import json
import shutil

import cv2
import numpy as np
import pytest

from zoo.inputs import gfe_files, landmarks, pupil_files
from zoo.trained_run import load_run

CLASSES = ["posed", "spontaneous"]
EMOTIONS = ["joy", "fear", "anger"]
STUDY = "some_study"
REPORT = "# Some study\n\nAbove chance; 95 % of\u00a0\u00bb42\u00ab.\n"
TWELVE = [f"{kind} {name}" for kind in CLASSES for name in EMOTIONS]


def drawn(n, width, classes, seed=0):
    """Features and labels that have something to do with each other."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return rng.normal(size=(n, width)) + labels[:, None], labels


def serve(path, inputs, classes, parts, **more):
    """As the studies write serving.json."""
    from experiments.harness.run_folder import write_serving

    write_serving(path, STUDY, "real", inputs, classes, parts, **more)


def picture_network():
    import keras

    import zoo
    from zoo.layers import PreparePictures

    pictures = keras.Input((None, None, 3))
    x = PreparePictures(32)(pictures)
    model = zoo.ShallowCNN(input_tensor=x, classes=2, classifier_activation="sigmoid")
    last = model.layers[-1]  # or all answers would be near 1/2
    last.set_weights([10 * last.get_weights()[0], *last.get_weights()[1:]])
    return model


def write_pictures(path):
    """The framing is that of pictures in which the face is a third of the width."""
    picture_network().save(path / "model.keras")
    framing = {"width": 3.0, "height": 2.0, "x": 1.5, "y": 0.75}
    part = {"model": "model.keras", "head": None}
    serve(path, "pictures", CLASSES, {"": part}, framing=framing)


def write_whole(path):
    """A head on pixels, of pictures in which no faces were found."""
    from zoo import heads

    head = heads.logistic().fit(*drawn(20, 3 * 8 * 8, 2))
    part = {"model": None, "head": heads.save(head, path).name}
    part |= {"known": [0, 1], "size": 8}
    serve(path, "pictures", CLASSES, {"": part}, framing=None)


def write_twelve(path):
    """A head on features that knows three of the classes; six are enough here."""
    from zoo import heads

    picture_network().save(path / "model.keras")
    head = heads.xgboost(n_estimators=5).fit(*drawn(40, 2048, 3))
    part = {"model": "model.keras", "head": heads.save(head, path).name}
    part |= {"known": [0, 4, 5]}
    serve(path, "pictures", TWELVE, {"": part})


def write_points(path, whole=False):
    """Two models, of which one has heads; or one that takes recordings."""
    import keras

    from zoo import heads

    parts = {}
    for name in ["on_a", "on_b"]:
        raw = keras.Input((None, 100, 3) if whole else (100, 3))
        x = keras.layers.Reshape((-1, 300) if whole else (300,))(raw)
        x = keras.layers.LayerNormalization()(x)
        if whole:
            x = keras.layers.Dense(12)(x)
            x = keras.layers.Reshape((-1, 2, 6), name="features")(x)
            x = keras.layers.Reshape((-1, 12))(x)
        else:
            x = keras.layers.Dense(6, name="features")(x)
        x = keras.layers.Dense(2, "sigmoid")(x)
        (path / name).mkdir()
        keras.Model(raw, x).save(path / name / "model.keras")
        parts[name] = {"model": f"{name}/model.keras", "heads": {}}
    for place, expression in enumerate(["topics", "negative"]):
        own = path / "on_b" / expression
        own.mkdir()
        head = heads.xgboost(n_estimators=5).fit(*drawn(30, 6, 2, seed=place))
        file = heads.save(head, own).name
        parts["on_b"]["heads"][expression] = f"on_b/{expression}/{file}"
    serve(path, "points", ["topics", "negative"], parts)


def write_recordings(path):
    write_points(path, whole=True)


def write_diameters(path):
    import keras

    import zoo
    from zoo.layers import StandardisedDiameters

    parts = {}
    for seed, name in enumerate(["", "pruned"]):
        raw = keras.Input((None,), name="raw_diameters")
        model = zoo.PupilCourse(input_tensor=StandardisedDiameters(720)(raw))
        model.layers[-1].set_weights([drawn(12, 2, 2, seed)[0], np.zeros(2)])
        model.save(path / f"{name}model.keras")
        parts[name] = {"model": f"{name}model.keras"}
    serve(path, "diameters", ["posed", "genuine"], parts)


def write_tracks(path):
    import zoo
    from zoo import heads

    parts, rng = {}, np.random.default_rng(0)
    for emotion in ["anger", "happiness"]:
        place = path / emotion
        place.mkdir()
        model = zoo.LSTMPB(units=4, depth=1)
        model.save(place / "model.keras")
        videos = list(rng.uniform(-0.5, 0.5, (40, 6, 80)))
        vectors, labels = model.recognise(videos, 2, 0.9), np.arange(40) % 2
        heads.save(heads.xgboost(n_estimators=20).fit(vectors, labels), place)
        files = {"model": f"{emotion}/model.keras", "head": f"{emotion}/head.json"}
        parts[emotion] = files
    settings = {"seed": 3, "steps": 2, "pb_rate": 0.9, "test_copies": 2}
    serve(path, "tracks", ["fake", "genuine"], parts, settings=settings)


WRITERS = {
    "pictures": write_pictures,
    "whole": write_whole,
    "twelve": write_twelve,
    "points": write_points,
    "recordings": write_recordings,
    "diameters": write_diameters,
    "tracks": write_tracks,
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Function from one of `WRITERS` to a finished run folder."""
    import keras

    from experiments.harness.run_folder import RunFolder

    out, made = tmp_path_factory.mktemp("trained"), {}

    def folder_of(kind):
        if kind not in made:
            folder = RunFolder.open(out, STUDY, kind, resume=False)
            keras.utils.set_random_seed(0)
            WRITERS[kind](folder.path)
            folder.write_json("config.json", {"settings": {"seed": 3}})
            folder.write_json("metrics.json", {"accuracy": 0.5})
            (folder.path / "README.md").write_text(REPORT, encoding="utf-8")
            made[kind] = folder.finish()
        return made[kind]

    return folder_of


@pytest.fixture(scope="session")
def runs(trained):
    """Function from a kind and part to a loaded run, loaded once."""
    loaded = {}

    def get(kind, part=None):
        if (kind, part) not in loaded:
            loaded[kind, part] = load_run(trained(kind), part)
        return loaded[kind, part]

    return get


@pytest.fixture
def copied(trained, tmp_path):
    """Function that copies a run folder and changes its serving.json."""

    def copy(kind, change=lambda serving: None):
        folder = tmp_path / f"{kind}-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(trained(kind), folder)
        serving = json.loads((folder / "serving.json").read_text())
        change(serving)
        (folder / "serving.json").write_text(json.dumps(serving))
        return folder

    return copy


@pytest.fixture(scope="session")
def given(tmp_path_factory, picture, write):
    """A folder with files of all kinds."""
    import openpyxl

    folder = tmp_path_factory.mktemp("given")
    face = picture[20:260, 120:330]
    (folder / "photos" / "sub").mkdir(parents=True)
    cv2.imwrite(str(folder / "photos" / "one face.png"), face)
    small = cv2.resize(face, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    canvas = np.full((300, 480, 3), 90, "uint8")
    canvas[30:270, 240:450] = face
    canvas[100 : 100 + len(small), 20 : 20 + small.shape[1]] = small
    cv2.imwrite(str(folder / "photos" / "sub" / "two.jpg"), canvas)
    cv2.imwrite(str(folder / "photos" / "nobody.bmp"), picture[300:400, :200])
    (folder / "photos" / ".hidden.png").write_bytes(b"left by a file manager")
    moved = [face, face[:, 5:], face[5:]]
    frames = [cv2.resize(one, (210, 240)) for one in [*moved, face, face]]
    write(folder / "clip.mp4", frames)
    write(folder / "empty.mp4", [np.full((120, 100, 3), 90, "uint8")] * 4)
    rng = np.random.default_rng(0)
    points = folder / "points"
    points.mkdir()
    rows = [" ".join(gfe_files.HEADER)]
    for frame in range(7):
        values = rng.uniform(1, 900, 300).round(2)
        values[2] = 0 if frame == 3 else values[2]  # a depth that was not measured
        rows.append(f"5.{frame} " + " ".join(f"{value:g}" for value in values))
    (points / "a_topics_datapoints.txt").write_text("\r\n".join(rows))
    (points / "a_topics_targets.txt").write_text("\r\n".join("0011100"))
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in pupil_files.VIDEOS:
        sheet = book.create_sheet(name)
        sheet.cell(3, 2, "p1"), sheet.cell(3, 3, "p2")
        for row in range(4, 44):
            sheet.cell(row, 2, 0.003 + 0.001 * rng.random())
            value = "NaN" if name == "L1" or row == 9 else 0.004 * rng.random()
            sheet.cell(row, 3, value)
    book.save(folder / "LEPD.xlsx")
    return folder


@pytest.fixture(scope="session")
def clip_track(given):
    """The points of the clip, as `predict` has them found."""
    return landmarks.extract(given / "clip.mp4", copies=2, seed=3, cache=False)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results.csv"


@pytest.fixture
def mixed(given, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    good = (given / "photos" / "one face.png").read_bytes()
    (folder / "a cut off.png").write_bytes(good[: len(good) // 2])
    (folder / "b text.jpg").write_text("a face")
    (folder / "c empty.png").touch()
    (folder / "d [red] \n line.png").write_bytes(good)
    (folder / "e.mp4").write_text("no video")
    shutil.copy(given / "clip.mp4", folder / "f.MP4")
    return folder
