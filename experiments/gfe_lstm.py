"""The LSTM that finds grammatical facial expressions in single Kinect frames.

Paper     Xu, "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical
          Facial Expression Recognition", The Australian National University (seeds/004)
Command   python -m experiments.gfe_lstm --protocol shuffled
Expected  the paper reports a mean F1 of 0.9084; here, over three seeds, TO BE MEASURED
Time      about a minute on 2 CPU cores.

The paper gives no batch size: 64 here. Its 30 epochs are all trained; nothing is chosen
by the test part. The z-score is that of the training part, both signers together, so
that the saved model can do it; the paper's, of whole recordings, is --z-score
recording.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.gfe_lstm")

from experiments import common, gfe

STUDY = common.Study(
    name="gfe_lstm",
    model="LSTM",
    builder="GrammaticalLSTM",
    dataset="gfe",
    paper="Xu, LSTM",
    reported={},
    varies_by="protocol",
    download=gfe.download,
    defaults={
        **gfe.DEFAULTS,
        "learning_rate": 0.0099,
        "epochs": 30,
        "batch_size": 64,
        "z_score": "train",
        "head": "softmax",
        "features": "learned",
    },
    sample={"seeds": 1},
)


def main(argv=None):
    parser = gfe.parser(STUDY, __doc__)
    heads = gfe.head_options("the 118 distances, angles and depths")
    gfe.add_options(parser, STUDY, [*gfe.TRAINING, gfe.Z_SCORE, *heads])
    return common.main(STUDY, parser, gfe.work, argv)


if __name__ == "__main__":
    main()
