"""The papers are cited rightly, and what they report is copied rightly."""

import pathlib

import numpy as np
import pytest

from experiments import papers

CITATION = pathlib.Path(papers.__file__).parents[1] / "CITATION.cff"
FIVE = [
    *(papers.CHRISTENSEN, papers.SZEGEDY, papers.XU, papers.GONG, papers.HUYNH),
]


@pytest.mark.parametrize("paper", FIVE, ids=lambda paper: paper.short)
def test_credits_are_those_of_the_citation_file(paper):
    cited = " ".join(CITATION.read_text().split())
    _, found, entry = cited.partition(f'title: "{paper.title}"')
    entry = entry.partition("- type:")[0]
    assert found
    for family in paper.authors.replace(" and ", ", ").split(", "):
        assert f"family-names: {family}" in entry
    assert (f"year: {paper.year}" in entry) if paper.year else "year:" not in entry
    assert (paper.url or "").rpartition("doi.org/")[2] in entry


def test_citations():
    assert papers.HUYNH.short == "Huynh and Kim 2017" and papers.GONG.short == "Gong"
    assert papers.XU.citation.endswith(", The Australian National University")


@pytest.mark.parametrize("column", [papers.GFE_LSTM, papers.GFE_MLP, papers.FREITAS])
def test_means_are_those_of_the_expressions(column):
    mean, *each = column
    assert mean.group is None and None not in {one.group for one in each}
    assert {one.measure for one in column} == {"f1"}
    assert np.mean([one.value for one in each]) == pytest.approx(mean.value, abs=5e-4)


def test_a_constant_answer_scores_what_the_pupil_paper_reports():
    before, after, _ = papers.PUPIL
    assert [before.value, after.value] == [round(24 / 70, 4), round(46 / 70, 4)]


def test_every_figure_is_a_share_and_says_where_it_is_from():
    lists = (papers.NVIE_INCEPTION, papers.NVIE_CNN, papers.NVIE_SVM, papers.GFE)
    for one in sum(lists + (papers.PUPIL, papers.SASE_FE, papers.CHALLENGE), ()):
        assert 0 < one.value < 1 and one.name and one.protocol
        assert one.measure in ("accuracy", "paired_accuracy", "f1")
