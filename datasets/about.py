"""Facts about the datasets, and what follows from them for a model's use.

What is said of the people is what the papers say, and that is often little. The text on
intended use stands here once, for reports and comparisons.
"""

from dataclasses import dataclass

FOLDS = (
    "Folds by person, ten or as many as there are people: everybody is tested once, by "
    "models that did not see that person. It leaks nothing."
)


@dataclass(frozen=True)
class About:
    """A dataset in words.

    Attributes:
        folder: name of its folder in a data folder.
        name: as tables call it.
        question: what a model trained on it estimates.
        labels: what label 1 stands for, and 0.
        people: who is in the data, as far as the paper says.
        licence: of the data, and what it means for weights.
        inputs: what a trained run's `predict` takes.
        protocols: by name: who is tested, and what that leaks.
        unknown: the limits that the data set a model.
        unit: what is counted, in the plural.
        people_called: what its people are called, in the plural.
        getting: how one comes by the data.
    """

    folder: str
    name: str
    question: str
    labels: str
    people: str
    licence: str
    inputs: str
    protocols: dict[str, str]
    unknown: str
    unit: str
    people_called: str
    getting: str


NOT_A_LIE_DETECTOR = (
    "**It is no lie detector.** {labels} Neither says anything of lies: a polite smile "
    "to order deceives nobody, and somebody who lies may well show what they feel. Nor "
    "does it tell what a person feels, thinks or intends."
)
NOT_FOR = (
    "**Do not use it to judge a person or what a person says**: not at work or in "
    "hiring, at school, at borders, by the police or in court, in insurance or "
    "lending, or in medicine. Use it on nobody who has not agreed to it. In the "
    "European Union, AI systems that infer the emotions of people at work or in "
    "education are prohibited, except for medical or safety reasons (Regulation (EU) "
    "2024/1689, Article 5(1)(f)); other law may apply elsewhere, and this is no legal "
    "advice."
)
UNKNOWN = (
    "**What it reaches elsewhere is unknown**: on other people, ages, cultures, "
    "cameras, light and occasions. {unknown} A group of people that the data lack may "
    "be judged wrongly more often than others, and the figures would not show it."
)


def intended_use(about: About) -> str:
    """Return the text on intended use and limits, in Markdown without a heading."""
    return "\n\n".join(
        [
            f"A research model: it estimates {about.question}. It is meant for "
            "research on such data and for comparing methods.",
            NOT_A_LIE_DETECTOR.format(labels=about.labels),
            NOT_FOR,
            UNKNOWN.format(unknown=about.unknown),
        ]
    )


NVIE = About(
    folder="nvie",
    name="NVIE",
    question="whether the facial expression in a picture like those it was trained on "
    "was posed or spontaneous",
    labels="Label 1 (spontaneous) is an expression that a film brought about, label 0 "
    "(posed) one that was shown to order, both recorded by NVIE's makers.",
    people="The thesis says nothing of their number, age, sex or origin. Films brought "
    "about the spontaneous expressions, which bear the emotion that five students "
    "rated highest; the posed ones were shown to order, with and without glasses. "
    "Light comes from the front, the left or the right.",
    licence="NVIE is lent by its owners (USTC) under an agreement: what may be done "
    "with weights trained on it is for them to say.",
    inputs="RGB pictures, framed as in training: zoo.inputs.faces",
    protocols={
        "subject": "Hold-out by subject: the people tested were not trained on. It "
        "leaks nothing.",
        "folds": FOLDS,
        "image": "Hold-out by picture, as we read the thesis, which names no split. It "
        "leaks: the same people are on both sides, so that the figures say nothing of "
        "other people.",
    },
    unknown="They are pictures of one data set, at the height of an expression; a "
    "picture without an expression, or without a face, gets an answer all the same.",
    unit="pictures",
    people_called="people",
    getting="under an agreement with its owners (USTC)",
)
GFE = About(
    folder="gfe",
    name="Grammatical facial expressions",
    question="in which frames of a Kinect recording one of nine grammatical facial "
    "expressions of Libras (Brazilian Sign Language) is occurring",
    labels="Label 1 is a frame in which the expression occurs, label 0 one in which it "
    "does not: grammar of a sign language, neither posed nor spontaneous emotion.",
    people="Two signers of Libras, called a and b; the paper says no more of them. "
    "Each recorded all nine expressions before a Kinect.",
    licence="Grammatical Facial Expressions (Freitas, Peres, Lima and Barbosa, UCI, "
    "2014): CC BY 4.0, so name its authors with whatever is made of it.",
    inputs="points of a recording, (frames, 100, 3)",
    protocols={
        "shuffled": "A random fifth of the frames of both signers is tested, as in the "
        "paper's code. It leaks: the neighbours of every test frame are in training.",
        "holdout": "The last fifth of each recording in time is tested. It leaks: the "
        "same people, in the same session, are in training.",
        "signer": "Trained on one signer and tested on the other, both ways. It leaks "
        "nothing.",
    },
    unknown="With two signers nothing can be said of how much signers differ. It does "
    "not translate; do not use it to judge a person's language either.",
    unit="frames",
    people_called="signers",
    getting="open (CC BY 4.0): the studies download it where it is not found",
)
PUPIL = About(
    folder="pupil",
    name="Observers' pupils",
    question="from the pupils of somebody who watches a video of a smile whether that "
    "smile was genuine or posed",
    labels="Label 1 is a video of a genuine smile, label 0 of a posed one: it is of "
    "who smiles in the video, not of the observer whose pupils were measured.",
    people="Ten Asian observers, women and men (the paper says no more of them, and "
    "leaves out one who was not Asian), watched nine videos of genuine and ten of "
    "posed smiles; of who smiles there it says nothing.",
    licence="The workbooks belong to their authors at the Australian National "
    "University; no licence is stated. Ask them what may be done with weights.",
    inputs="raw pupil diameters at 60 Hz, (series, samples)",
    protocols={
        "paper": "The paper's split: 150 real and 150 fake series for training, the "
        "last 24 real and 46 fake ones for the test. It leaks: the same observers, the "
        "same videos and the other eye of the same viewing are in training.",
        "observer": "Observers are left out, with both eyes of every viewing. It "
        "leaks: all saw the same videos, so that a video's brightness alone could tell "
        "which one it is.",
        "video": "Videos are left out, some of each label. It leaks: the same "
        "observers are in training, with other videos.",
        "both": "Neither observer nor video of a test series was trained on. It leaks "
        "neither, and has the fewest series to learn from.",
    },
    unknown="Pupils follow light before anything else, and nineteen videos differ in "
    "much besides the smile.",
    unit="series",
    people_called="observers",
    getting="of its authors (Australian National University), no licence stated",
)
SASE_FE = About(
    folder="sase_fe",
    name="SASE-FE",
    question="from the movement of facial landmarks in a video like those it was "
    "trained on whether a displayed emotion was genuine or fake",
    labels="Label 1 (genuine) is an emotion shown after a film that was to bring it "
    "about, label 0 (fake) one that was only acted, both before a camera.",
    people="Fifty people, 60 % men and 40 % women, 19 to 36 years old, of African, "
    "Asian and Caucasian origin as the paper puts it, each with six emotions, genuine "
    "and fake, before a GoPro camera under the eyes of psychologists.",
    licence="SASE-FE (ChaLearn 2017) is lent by its owners: what may be done with "
    "weights trained on it is for them to say.",
    inputs="landmark tracks of videos, (copies, frames, 80) each",
    protocols={
        "holdout": "A fifth of the people are tested; they were not trained on. It "
        "leaks nothing.",
        "folds": "Five folds by subject: everybody is tested once, by networks that "
        "did not see that person. It leaks nothing.",
        "challenge": "Trained on the challenge's training part, tested on its other "
        "parts, which hold other people. It leaks nothing.",
    },
    unknown="They are young people before one camera, who began with a neutral face "
    "and knew that they were filmed.",
    unit="videos",
    people_called="people",
    getting="under an agreement with its owners (ChaLearn 2017)",
)
PEDFE = About(
    folder="pedfe",
    name="PEDFE",
    question="whether a facial expression like those it was trained on was genuine or "
    "posed",
    labels="Label 1 (genuine) is an expression that films and tasks brought about, "
    "label 0 (posed) one that the same person then showed to order.",
    people="Students at the University of Padua, mostly women; the paper has 56 of "
    "them, and each of their clips was rated by others. What was read here is said "
    "below.",
    licence="PEDFE (Miolla, Cardaioli and Scarpazza 2023) comes from its authors; its "
    "terms are theirs, and its faces are of identifiable people. Weights trained on "
    "it: research only, do not use them in a product.",
    inputs="pictures or clips, framed as in training: zoo.inputs.faces",
    protocols={
        "folds": FOLDS,
        "holdout": "Hold-out by person: the people tested were not trained on. It "
        "leaks nothing.",
        "image": "Hold-out by clip. It leaks: the same people, in the same session, "
        "are on both sides.",
    },
    unknown="It is one laboratory, with one kind of camera, and clips that its authors "
    "cut: where a cut begins is a part of what can be learned. Light differs between "
    "some people's genuine and posed sessions.",
    unit="clips",
    people_called="people",
    getting="from its authors, https://doi.org/10.3758/s13428-022-01914-4",
)
OWN = About(
    folder="own",
    name="own data",  # and the folder's name, and how many people
    question="whether an expression like those of its data was labelled genuine or "
    "posed",
    labels="Labels 1 (genuine) and 0 (posed) are those of whoever made the data.",
    people="Nothing is known here but what was read: see below.",
    licence="Their licence, and what may be done with weights, is for whoever made the "
    "data to say.",
    inputs=PEDFE.inputs,
    protocols=PEDFE.protocols,
    unknown="How the data were recorded and labelled is not known here.",
    unit="files",
    people_called="people",
    getting="a folder of your own: --data-dir FOLDER",
)
