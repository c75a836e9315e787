"""The LSTM that finds grammatical facial expressions in single Kinect frames.

Paper     Xu, "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical
          Facial Expression Recognition", The Australian National University
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

from experiments import gfe, papers
from experiments.harness import study

STUDY = study.Study(
    name="gfe_lstm",
    model="LSTM on Kinect frames",
    builder="GrammaticalLSTM",
    settings=gfe.FrameSettings,
    reported=papers.GFE_LSTM,
    quick={"epochs": 1, "seeds": 1, "batch_size": 512},
    search=gfe.SEARCH_FRAMES,
    **gfe.COMMON,
)


def main(argv=None):
    return study.main(STUDY, __doc__, argv)


if __name__ == "__main__":
    main()
