"""The registry: names, and facts that are true of the models."""

import inspect
import pathlib
import re

import keras
import pytest

import zoo
from zoo import registry
from zoo.inception_v4_weights import IMAGENET

ROOT = pathlib.Path(__file__).parents[2]


def test_every_builder_has_a_name():
    """The public functions and classes that make a model with classes."""
    public = {name: getattr(zoo, name) for name in zoo.__all__}
    public = {name: one for name, one in public.items() if callable(one)}
    builders = [
        n for n, b in public.items() if "classes" in inspect.signature(b).parameters
    ]
    infos = map(zoo.model_info, zoo.list_models())
    assert sorted(builders) == sorted(info.builder for info in infos)
    assert len(builders) == 8


def test_names_are_sorted_and_found_by_patterns():
    names = zoo.list_models()
    assert names == sorted(names)
    assert zoo.list_models("pupil*") == ["pupil_course", "pupil_lstm"]
    assert zoo.list_models("*LSTM") == ["grammatical_lstm", "pupil_lstm"]
    assert zoo.list_models("lstm") == []
    for name in ("ShallowCNN", "SHALLOW_CNN", "shallowcnn", "Shallow-CNN"):
        assert zoo.model_info(name) is zoo.model_info("shallow_cnn")


@pytest.mark.parametrize("name", zoo.list_models())
def test_facts_are_those_of_the_model(name):
    model, info = zoo.create_model(name), zoo.model_info(name)
    assert info.name == name == model.name
    builder = inspect.signature(getattr(zoo, info.builder))
    assert builder.parameters["name"].default == name
    assert info.parameters == model.count_params()
    if isinstance(model, zoo.LSTMPB):
        track, pb = info.inputs
        assert track.shape == info.output.shape == (None, model.features)
        assert pb.shape == tuple(model.pb.shape[1:]) == (info.feature_width,)
        return
    (taken,) = info.inputs
    assert (None, *taken.shape) == model.input_shape
    assert (None, *info.output.shape) == model.output_shape
    assert zoo.feature_extractor(model).output_shape[-1] == info.feature_width


def test_arguments_reach_the_builder():
    model = zoo.create_model(
        "GrammaticalMLP", classes=9, name="mine", hidden=7, classifier_activation=None
    )
    assert isinstance(model, keras.Model) and model.name == "mine"
    assert [tuple(w.shape) for w in model.weights[::2]] == [(118, 7), (7, 9)]
    with pytest.raises(TypeError, match="no_such"):
        zoo.create_model("grammatical_mlp", no_such=1)
    with pytest.raises(ValueError, match="span"):
        zoo.create_model("pupil_course", span=0)


def test_an_unknown_name_names_those_like_it():
    with pytest.raises(ValueError, match=r"'inception_v3'. Did you mean inception_v4"):
        zoo.create_model("inception_v3")
    with pytest.raises(ValueError, match="Did you mean pupil_lstm") as told:
        zoo.model_info("PupilLSTN")
    assert "shallow_cnn" not in str(told.value)
    for name in ["xyz", "", None, 3]:
        with pytest.raises(ValueError, match="There are: grammatical_lstm.*shallow_c"):
            zoo.model_info(name)


def test_papers_are_those_of_the_citation_file():
    cited = " ".join((ROOT / "CITATION.cff").read_text().split())
    infos = [zoo.model_info(name) for name in zoo.list_models()]
    papers = {info.paper for info in infos} | {info.architecture for info in infos}
    assert len(papers - {None}) == 5
    for paper in papers - {None}:
        who, title, _ = paper.split('"')
        _, _, entry = cited.partition(f'title: "{title}"')
        entry = entry.partition("- type:")[0]
        names, year = re.fullmatch(r"(.+?)(?: (\d{4}))?, ", who).groups()
        for family in names.replace(" and ", ", ").split(", "):
            assert f"family-names: {family}" in entry
        assert (f"year: {year}" in entry) if year else "year:" not in entry


def test_a_model_told_to_people():
    text = str(zoo.model_info("lstm_pb"))
    lines = text.splitlines()
    assert lines[0] == "lstm_pb" and "zoo.LSTMPB" in lines[1]
    assert lines[2].startswith('paper         Huynh and Kim 2017, "Discrimination')
    assert lines[5].startswith(" " * 14 + "64: the video's parametric bias (PB)")
    assert "10,678,032" in text and "any x 80: frames" in text
    assert lines[-1] == "weights       none published"
    assert "imagenet (Apache-2.0)" in str(zoo.model_info("inception_v4"))
    ours = str(zoo.model_info("pupil_course"))
    assert "Duchenne's own" in ours and "None" not in ours


def test_licences():
    assert f"license: {registry.LICENCE}" in (ROOT / "CITATION.cff").read_text()
    for name in zoo.list_models():
        info = zoo.model_info(name)
        takes = "imagenet" in info.weights
        assert info.licence == "Apache-2.0" and takes == (name == "inception_v4")
        assert info.weights_licence == (IMAGENET.licence if takes else None)
