"""The LSTM that finds grammatical facial expressions in single Kinect frames.

Paper     Xu, "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical
          Facial Expression Recognition", The Australian National University (seeds/004)
Command   python -m experiments.gfe_lstm --protocol shuffled
Expected  the paper reports a mean F1 of 0.9084; here, over three seeds, 0.923 on
          shuffled frames, 0.800 held out in time, 0.347 on the other signer
Time      half a minute on 2 CPU cores.

The paper gives no batch size: 64 here. Its 30 epochs are all trained; nothing is chosen
by the test part. The z-score is that of the training part, both signers together, so
that the saved model can do it; the paper's, of whole recordings, is --z-score
recording.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.gfe_lstm")

from experiments import common, gfe, search_gfe

STUDY = common.Study(
    name="gfe_lstm",
    model="LSTM",
    builder="GrammaticalLSTM",
    dataset="gfe",
    paper="Xu, LSTM",
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
    return gfe.frame_parser(STUDY, __doc__)


def main(argv=None):
    return common.main(STUDY, parser(), gfe.work, argv)


if __name__ == "__main__":
    main()
