"""The LSTM that tells genuine from posed smiles by their observers' pupils, pruned.

Paper     Gong, "Using LSTM Neural Network to predict the real or fake smile based on
          Observers Pupil Dataset, and apply Image Compression Technical to Pruning
          Neural Networks", The Australian National University; a re-implementation
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

from experiments import pupil
from experiments.harness import study

STUDY = study.Study(
    **pupil.COMMON,
    name="pupil_lstm",
    model="Pupil LSTM",
    settings=pupil.NetworkSettings,
    work=pupil.work_lstm,
    builder="PupilLSTM",
    sample={"epochs": 3},
    quick={"epochs": 1, "batch_size": 50},
    search=pupil.SEARCH,
    parts=None,
)


def main(argv=None):
    return study.main(STUDY, __doc__, argv)


if __name__ == "__main__":
    main()
