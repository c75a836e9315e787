"""The LSTM that tells genuine from posed smiles by their observers' pupils, pruned.

Paper     Gong, "Using LSTM Neural Network to predict the real or fake smile based on
          Observers Pupil Dataset, and apply Image Compression Technical to Pruning
          Neural Networks", The Australian National University (seeds/000); seeds/001
          trains the same network for 10 epochs: --preset dlops
Command   python -m experiments.pupil_lstm --protocol paper
Expected  the paper reports an accuracy of 34.29 % before and 65.71 % after pruning,
          which are what the answers "always real" and "always fake" score; here 34.29 %
          before and after: "always real"
Time      half a minute on 2 CPU cores; protocol video: two minutes.

Trains the network, prunes both hidden layers by distinctiveness, without training them
anew, and reports both. The paper prunes one layer, over four patterns, and does not say
what they are: here every training series is one, and --four-patterns is our reading of
the paper's.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.pupil_lstm")

import argparse
import functools

from experiments import common, pupil, search_pupil
from experiments.pupil_network import LAYERS, PrunedNetwork

STUDY = common.Study(
    name="pupil_lstm",
    model="Pupil LSTM",
    builder="PupilLSTM",
    dataset="pupil",
    paper="Gong",
    varies_by="preset",
    defaults={
        "epochs": {"gong": 50, "dlops": 10},
        "learning_rate": 1e-3,
        "batch_size": 5,
        "dropout": 0.5,
        "diameters": "paper",
        "four_patterns": False,
        "low": 15.0,
        "high": 165.0,
        "merge": "add",
    },
    sample={"epochs": 3},
    paper_protocol="paper",
    quick={"epochs": 1, "batch_size": 50},
    space=search_pupil.space,
    trial=search_pupil.TRIAL,
)
PRESETS = "the paper's 50 epochs, or the 10 of its re-implementation (seeds/001)"
DIAMETERS = (
    "filled from before and padded with zeros as in the paper, or standardised in each "
    "series, with a mask of what was measured"
)
FOUR = (
    "the paper's, as we read it: trains on four groups of the training part, one after "
    "the other, all epochs each, and prunes by four patterns, the groups' mean series"
)
VALIDATE = (
    "measure by folds of observers inside the training part of the protocol's first "
    "round instead of the test part: for choosing settings"
)
MERGE = (
    "what becomes of the weights of a unit that goes: added to those of the unit that "
    "does the same (subtracted for the opposite), in proportion to how much it said, "
    "or, of two opposite ones, both removed as in the older literature"
)


def parser():
    result = pupil.parser(STUDY, __doc__)
    result.add_argument("--validate", action="store_true", default=None, help=VALIDATE)
    network = result.add_argument_group("network")
    network.add_argument(
        "--preset",
        choices=["gong", "dlops"],
        default="gong",
        help=f"{PRESETS} (default: gong)",
    )
    acute = common.number(float, lambda v: 0 <= v <= 90, "degrees from 0 to 90")
    obtuse = common.number(float, lambda v: 90 <= v <= 180, "degrees from 90 to 180")
    below_one = common.number(float, lambda v: 0 <= v < 1, "a number from 0 to below 1")
    positive, rate = common.positive, common.above_zero
    options = [
        ("epochs", "of each training", {"type": positive, "metavar": "N"}),
        ("learning-rate", "of SGD", {"type": rate, "metavar": "X"}),
        ("batch-size", "a training step", {"type": positive, "metavar": "N"}),
        (
            "dropout",
            "share dropped behind each hidden layer",
            {"type": below_one, "metavar": "X"},
        ),
        ("diameters", DIAMETERS, {"choices": ["paper", "standardised"]}),
    ]
    for name, text, kind in options:
        default = STUDY.default(name.replace("-", "_"))
        network.add_argument(f"--{name}", help=f"{text} {default}", **kind)
    network.add_argument(
        "--four-patterns", action=argparse.BooleanOptionalAction, help=FOUR
    )
    pruning = result.add_argument_group(
        f"pruning of {' and '.join(LAYERS)}",
        "Units that hardly change from series to series go whatever the angles are.",
    )
    options = [
        ("low", "below this angle two units do the same work", acute),
        ("high", "above this angle two units do the opposite", obtuse),
    ]
    for name, text, kind in options:
        text = f"{text} {STUDY.default(name)}"
        pruning.add_argument(f"--{name}", help=text, type=kind, metavar="DEGREES")
    pruning.add_argument(
        "--merge",
        choices=["add", "scale", "remove"],
        help=f"{MERGE} {STUDY.default('merge')}",
    )
    return result


def main(argv=None):
    work = functools.partial(pupil.work, make_method=PrunedNetwork)
    return common.main(STUDY, parser(), work, argv)


if __name__ == "__main__":
    main()
