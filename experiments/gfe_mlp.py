"""The perceptron with one hidden layer, on single Kinect frames.

Paper     Xu, "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical
          Facial Expression Recognition", The Australian National University
          (seeds/004): the experiment before the paper's own
Command   python -m experiments.gfe_mlp --protocol shuffled
Expected  the paper reports a mean F1 of 0.9344; here, over three seeds, 0.925 on
          shuffled frames, 0.822 held out in time, 0.412 on the other signer
Time      half a minute on 2 CPU cores.

The paper says nothing of this network but that it has one hidden layer. Here it has as
many units as the LSTM, and the LSTM's settings. --prune prunes that layer after
training by the angles between its units over the training frames (distinctiveness), as
the paper's experiment before its own did, and tells F1 before and after.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.gfe_mlp")

from experiments import common, gfe, search_gfe

STUDY = common.Study(
    name="gfe_mlp",
    model="MLP",
    builder="GrammaticalMLP",
    dataset="gfe",
    paper="Xu, MLP",
    varies_by="protocol",
    download=gfe.download,
    defaults=gfe.FRAME_DEFAULTS,
    sample={"seeds": 1},
    paper_protocol="shuffled",
    quick={"epochs": 1, "seeds": 1, "batch_size": 512},
    space=search_gfe.frames,
    trial=search_gfe.TRIAL,
)


def parser():
    result = gfe.frame_parser(STUDY, __doc__)
    result.add_argument(
        "--prune",
        action="store_true",
        default=None,
        help="mask hidden units that do others' work (distinctiveness, 15 and 165 "
        "degrees); the saved model is the masked one",
    )
    return result


def main(argv=None):
    return common.main(STUDY, parser(), gfe.work, argv)


if __name__ == "__main__":
    main()
