"""The registry: names, facts that are true of the models, the README's table."""

import dataclasses
import importlib
import inspect
import pathlib

import keras
import pytest

import zoo
from zoo import registry
from zoo._studies import GONG, HUYNH, STUDIES, SZEGEDY, XU
from zoo._study_data import DATA
from zoo.inception_v4_weights import IMAGENET

ROOT = pathlib.Path(__file__).parents[2]
START, END = (
    "<!-- studies: zoo.registry.table() -->",
    "<!-- end of studies -->",
)


def builders():
    """The public functions and classes that make a model with classes."""
    for name in zoo.__all__:
        found = getattr(zoo, name)
        if callable(found) and "classes" in inspect.signature(found).parameters:
            yield name


def one_line(text):
    return " ".join(text.split())


def test_every_builder_has_a_name():
    assert sorted(builders()) == sorted(
        zoo.model_info(name).builder for name in zoo.list_models()
    )
    assert len(zoo.list_models()) == 8


def test_names_are_sorted_and_found_by_patterns():
    names = zoo.list_models()
    assert names == sorted(names)
    assert zoo.list_models("pupil*") == ["pupil_course", "pupil_lstm"]
    assert zoo.list_models("*LSTM") == ["grammatical_lstm", "pupil_lstm"]
    assert zoo.list_models("lstm") == [] and zoo.list_models("nothing*") == []
    assert zoo.list_models("[ls]*") == ["lstm_pb", "shallow_cnn"]


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


@pytest.mark.parametrize(
    "name", ["shallow_cnn", "ShallowCNN", "SHALLOW_CNN", "shallowcnn", "Shallow-CNN"]
)
def test_case_and_underscores_do_not_matter(name):
    assert zoo.model_info(name) is zoo.model_info("shallow_cnn")


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


def test_facts_cannot_be_changed():
    info = zoo.model_info("lstm_pb")
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.parameters = 1
    assert hash(info) == hash(zoo.model_info("lstm_pb"))


def test_studies_are_the_experiments():
    files = {path.stem for path in (ROOT / "experiments").glob("*.py")}
    started = {
        n for n in files if "STUDY =" in (ROOT / f"experiments/{n}.py").read_text()
    }
    assert started == set(STUDIES)
    for name, study in STUDIES.items():
        theirs = importlib.import_module(f"experiments.{name}").STUDY
        assert (theirs.name, theirs.builder) == (name, study.builder)
        assert theirs.dataset == study.data and study.data in DATA
        assert study.command in importlib.import_module(f"experiments.{name}").__doc__


def test_what_is_reported_is_what_the_experiments_compare_with():
    from experiments import gfe_report, pupil_report, sase_report

    def values(study):
        return [told.value for told in STUDIES[study].reported]

    for name in ["nvie_inception", "nvie_cnn", "nvie_svm"]:
        reported = importlib.import_module(f"experiments.{name}").STUDY.reported
        assert values(name) == [reported["spontaneous"], reported["emotion"]]
    means = gfe_report.REPORTED.loc["mean"]
    assert values("gfe_lstm") == [means["Xu, LSTM"]]
    assert values("gfe_mlp") == [means["Xu, MLP"]]
    pupil = pupil_report.REPORTED
    before, after = pupil["Gong, before pruning"], pupil["Gong, after pruning"]
    assert values("pupil_lstm") == [before, after] == [0.3429, 0.6571]
    sase = sase_report.REPORTED["Huynh and Kim 2017 (HCILab)"]
    assert values("sase_lstm_pb") == pytest.approx([value / 100 for value in sase])
    assert zoo.model_info("shallow_cnn").reported[0].value == 0.716


def test_credits_are_those_of_the_citation_file_and_the_modules():
    cited = one_line((ROOT / "CITATION.cff").read_text())
    papers = {study.paper for study in STUDIES.values()} | {SZEGEDY}
    assert len(papers) == 5
    for paper in papers:
        assert f'title: "{paper.title}"' in cited
        _, _, entry = cited.partition(f'title: "{paper.title}"')
        entry = entry.partition("- type:")[0]
        for family in paper.authors.replace(" and ", ", ").split(", "):
            assert f"family-names: {family}" in entry
        year = f"year: {paper.year}" if paper.year else "year"
        assert (year in entry) == (paper.year is not None)
        if paper.url:
            assert paper.url.rpartition("doi.org/")[2] in entry
    for study in STUDIES.values():
        module = importlib.import_module(f"experiments.{study.name}").__doc__
        told = one_line(module)
        assert DATA[study.data].seed in told and study.paper.authors in told
    assert HUYNH.short == "Huynh and Kim 2017" and GONG.short == "Gong"
    assert XU.citation.endswith(", The Australian National University")


def test_a_model_told_to_people():
    text = str(zoo.model_info("lstm_pb"))
    lines = text.splitlines()
    assert lines[0] == "lstm_pb" and "zoo.LSTMPB" in lines[1]
    assert "10,678,032" in text and "any x 80: frames" in text and "none pub" in text
    assert "64: the video's parametric bias (PB)" in text and "seeds/002" in text
    assert "66.7 % (test): 60 videos of 5 other people" in text
    assert lines[-1].split(maxsplit=1) == [
        "experiment",
        "python -m experiments.sase_lstm_pb",
    ]
    assert "imagenet (Apache-2.0)" in str(zoo.model_info("inception_v4"))
    ours = str(zoo.model_info("pupil_course"))
    assert "Duchenne's own" in ours and "None" not in ours


def test_architectures():
    assert zoo.model_info("inception_v4").architecture is SZEGEDY
    assert zoo.model_info("shallow_cnn").architecture.authors == "Christensen"
    assert zoo.model_info("lstm_pb").architecture is HUYNH
    ours = {n for n in zoo.list_models() if zoo.model_info(n).architecture is None}
    assert ours == {"grammatical_sequence", "pupil_course"}


def test_licences():
    assert f"license: {registry.LICENCE}" in (ROOT / "CITATION.cff").read_text()
    for name in zoo.list_models():
        info = zoo.model_info(name)
        takes = "imagenet" in info.weights
        assert info.licence == "Apache-2.0" and takes == (name == "inception_v4")
        assert info.weights_licence == (IMAGENET.licence if takes else None)


def test_the_table_in_the_readme_is_the_registry():
    readme = (ROOT / "README.md").read_text()
    block = readme.partition(START)[2].partition(END)[0].strip().splitlines()
    assert block == registry.table()


def test_the_table_has_every_study():
    rows = [line.split(" | ") for line in registry.table()[2:]]
    assert [row[0] for row in rows] == [f"| `{s.command}`" for s in STUDIES.values()]
    told = {row[2]: row for row in rows}
    assert told["`lstm_pb`"][3] == "10,678,032"
    assert told["`shallow_cnn`"][4:] == [
        "the same",
        "71.6 % (2 classes), 22.7 % (12 classes) |",
    ]
    (svm,) = [row for row in rows if "nvie_svm" in row[0]]
    assert svm[1:4] == ["SVM on pixels", "", ""] and "53.8 %" in svm[5]
    assert (
        told["`pupil_lstm`"][4].startswith("Gong, on")
        and told["`pupil_course`"][5] == " |"
    )
