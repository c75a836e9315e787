"""Genuine or fake emotion: LSTM with parametric bias on facial landmarks.

Paper     Huynh and Kim 2017, "Discrimination between genuine versus fake emotion using
          long-short term memory with parametric bias and facial landmarks", ICCV
          workshops (seeds/002)
Command   python -m experiments.sase_lstm_pb --protocol challenge
Expected  the paper reports an accuracy of 71 % on the validation part and 66.7 % on the
          test part, with the two videos of a person decided as a pair; nobody has run
          this study on SASE-FE here
Time      two minutes on 2 CPU cores for the sample. On SASE-FE hours for each emotion
          (the paper: five and a half on a GPU).

For each emotion: facial landmarks of every video, a network that predicts the next
frame, a PB vector for each copy of each video, and boosted trees on these vectors,
beside a support vector machine and a logistic regression. Six emotions are six
networks, trained in parallel. With --batch-size 1 the network learns online, as the
paper's does.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.sase_lstm_pb")

import argparse

from datasets.sase_fe import EMOTIONS
from experiments import common, parts, sase, sase_report, search_sase

STUDY = common.Study(
    name="sase_lstm_pb",
    model="LSTM-PB",
    builder="LSTMPB",
    dataset="sase_fe",
    paper="Huynh and Kim 2017",
    varies_by="protocol",
    defaults={
        "emotions": list(EMOTIONS),
        "epochs": 100,
        "batch_size": 1,
        "learning_rate": 0.01,
        "pb_rate": 0.9,
        "momentum": 0.9,
        "steps": 50,
        "copies": 10,
        "test_copies": 100,
        "units": 512,
        "depth": 4,
        "context": "hidden",
    },
    sample={
        "epochs": 15,
        "batch_size": 8,
        "learning_rate": 0.05,
        "copies": 3,
        "test_copies": 5,
        "units": 128,
        "depth": 2,
    },
    quick={
        "emotions": ["happiness"],
        "epochs": 2,
        "batch_size": 8,
        "steps": 5,
        "copies": 1,
        "test_copies": 1,
        "units": 16,
        "depth": 1,
    },
    space=search_sase.space,
    trial=search_sase.TRIAL,
)
CONTEXT = (
    "where the next context comes from: the hidden layer as in the paper, or the Grid "
    "LSTM alone as in the authors' code"
)


def parser():
    result = common.parser(STUDY, __doc__)
    parts.add_options(result)
    task = result.add_argument_group("task")
    protocols = "; ".join(f"{name}: {what}" for name, what in sase.PROTOCOLS.items())
    task.add_argument(
        "--protocol",
        choices=sase.PROTOCOLS,
        default="holdout",
        help=f"{protocols} (default: holdout)",
    )
    task.add_argument(
        "--validate",
        action="store_true",
        default=None,
        help="measure the validation people, and do not train on them, instead of the "
        "test part: for choosing settings; with --protocol holdout",
    )
    task.add_argument(
        "--emotions",
        nargs="+",
        choices=EMOTIONS,
        metavar="EMOTION",
        action=InOrder,
        help=f"of {', '.join(EMOTIONS)} (default: all)",
    )
    network = result.add_argument_group("network")
    positive, rate = common.positive, common.above_zero
    below_one = common.number(float, lambda v: 0 <= v < 1, "a number from 0 to below 1")
    options = [
        ("epochs", "of each network", positive),
        (
            "batch-size",
            "tracks between updates; 1 is online as in the paper",
            positive,
        ),
        ("learning-rate", "of the weights", rate),
        ("pb-rate", "of the PB vectors, in learning and recognition", rate),
        ("momentum", "of the weights", below_one),
        ("steps", "how often a PB vector moves in recognition", positive),
        ("copies", "jittered copies of a training video; 0: itself", common.whole),
        ("test-copies", "of a test video, their decisions averaged", common.whole),
        ("units", "width of the hidden layer and the Grid LSTM", positive),
        ("depth", "blocks of the Grid LSTM", positive),
    ]
    for name, text, kind in options:
        help_text = f"{text} {STUDY.default(name.replace('-', '_'))}"
        network.add_argument(f"--{name}", type=kind, metavar="N", help=help_text)
    network.add_argument(
        "--context",
        choices=["hidden", "grid"],
        help=f"{CONTEXT} {STUDY.default('context')}",
    )
    return result


class InOrder(argparse.Action):
    """The chosen emotions, each once and in the order of the list."""

    def __call__(self, parser, namespace, values, option_string=None):
        chosen = [emotion for emotion in EMOTIONS if emotion in values]
        setattr(namespace, self.dest, chosen)


def work(run):
    data = sase.read(run)
    every = list(sase.tasks(run, data))
    sase.work(run, every)
    if not run.settings.get("validate"):
        sase.serve(run, every)
    return sase_report.conclude(run, data, every)


def main(argv=None):
    return common.main(STUDY, parser(), work, argv)


if __name__ == "__main__":
    main()
