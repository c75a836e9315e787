"""What is known of studies, papers and data, for `experiments.compare`.

`zoo` keeps these facts in two modules that import nothing; `import zoo` would load
Keras and a backend for seconds, and a comparison needs neither. So the two files are
read by themselves.
"""

import pathlib
import runpy
from dataclasses import dataclass

ZOO = pathlib.Path(__file__).resolve().parents[1] / "zoo"


def _facts(name):
    return runpy.run_path(str(ZOO / f"{name}.py"), run_name=f"zoo.{name}")


_STUDIES, _DATA = _facts("_studies"), _facts("_study_data")
STUDIES, SHUFFLED, CONSTANT = (
    _STUDIES[name] for name in ("STUDIES", "SHUFFLED", "CONSTANT")
)
DATA, NOT_A_LIE_DETECTOR, NOT_FOR, UNKNOWN = (
    _DATA[name] for name in ("DATA", "NOT_A_LIE_DETECTOR", "NOT_FOR", "UNKNOWN")
)
# Which of our protocols are that of a paper, and by what; nothing is known of others.
PROTOCOLS = {
    "Christensen": {"image": "as read, the protocol here"},
    "Xu": {
        "shuffled": "by its code the protocol here",
        "holdout": "by its text the protocol here",
    },
    "Gong": {"paper": "the protocol here"},
    "Huynh and Kim": {"challenge": "the protocol here"},
}
# What is counted in the data of a study.
UNITS = {"nvie": "pictures", "gfe": "frames", "pupil": "series", "sase_fe": "videos"}
SUBJECTS = {
    "nvie": "people",
    "gfe": "signers",
    "pupil": "observers",
    "sase_fe": "people",
}
NAMES = {
    "nvie": "NVIE",
    "gfe": "Grammatical facial expressions",
    "pupil": "Observers' pupils",
    "sase_fe": "SASE-FE",
}
# How the study itself measures, so that this page and the run's report agree.
MEASURES = {
    "nvie": "Accuracy, balanced accuracy and F1 are of single pictures. With twelve "
    "classes F1 is the mean over the classes and ROC AUC that of one class against "
    "the rest.",
    "gfe": "Every expression has a model of its own and is measured by itself; shown "
    "are the means over the expressions, and over the seeds where there are several.",
    "pupil": "ROC AUC and balanced accuracy compare series of the same round only, as "
    "each round has a model of its own. The intervals draw observers and videos anew, "
    "independently (pigeonhole bootstrap).",
    "sase_fe": "ROC AUC and balanced accuracy compare videos of the same emotion and "
    "round only, as each has a network of its own. In pairs: of a person's two videos "
    "of an emotion the more genuine one is called genuine, which is easier. The study "
    "decides with XGBoost, chosen beforehand; the other heads stand beside it.",
}


@dataclass(frozen=True)
class Printed:
    """A figure that a paper reports.

    Attributes:
        author: key of `PROTOCOLS`, or one of whom nothing is known.
        name: of what it is.
        measure: a key of the measures.
        value: in 0..1.
        told: who or what was tested there, in words.
    """

    author: str
    name: str
    measure: str
    value: float
    told: str

    def note(self, protocol):
        """Its protocol in words, and whether it is this one of ours."""
        known = PROTOCOLS.get(self.author)
        if known is None:
            return f"{self.told}; whether it is the protocol here is not known"
        return f"{self.told}; {known.get(protocol, 'another protocol than here')}"


def papers(records, dataset, task):
    """What the papers report, each by its own protocol.

    Args:
        records: the runs that it stands beside, `compare.read.Record`.
        dataset: key of `DATA`.
        task: their task.

    Returns:
        List of `Printed`.
    """
    if dataset == "gfe":
        return _printed(records, "f1", {"Xu": SHUFFLED})
    if dataset == "pupil":
        return _printed(records, "accuracy", {"Gong": CONSTANT})
    classes = {"spontaneous": "2 classes", "emotion": "12 classes"}.get(task)
    rows = []
    for study in dict.fromkeys(record.study for record in records):
        for told in study.reported:
            if classes in (None, told.of):
                of = study.model if classes else told.of
                pairs = "as a pair" in told.protocol
                measure = "paired_accuracy" if pairs else "accuracy"
                name = f"{study.paper.short}: {of}"
                what = measure, told.value, told.protocol
                rows.append(Printed(study.paper.authors, name, *what))
    return rows


def _printed(records, measure, protocols):
    """The papers' figures as the runs' metrics.json have them."""
    rows = {}
    for record in records:
        for name, value in record.metrics["paper"].items():
            author = name.partition(",")[0]
            told = protocols.get(author, "its protocol is described there only")
            if value is not None:
                rows[name] = Printed(author, name, measure, float(value), told)
    return list(rows.values())
