"""A small model that tells genuine from posed smiles by their observers' pupils.

Paper     none; for the data of Gong (see pupil_lstm), who finds the LSTM "not suitable"
Command   python -m experiments.pupil_course
Expected  a ROC AUC of 0.602 on videos (0.459 to 0.760) and 0.606 on observers (0.444 to
          0.762) that were left out: not shown to beat chance
Time      seconds.

A regression on the course of the pupil: the mean of each second of the first twelve,
relative to the series' own mean and spread. Its penalty is chosen by cross-validation
inside each training part, by the protocol that is asked for (inside the paper's, by
observer).
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.pupil_course")

from experiments import pupil
from experiments.harness import study

STUDY = study.Study(
    **pupil.COMMON,
    name="pupil_course",
    model="Course of the pupil",
    settings=pupil.Settings,
    work=pupil.work_course,
    builder="PupilCourse",
    ours="for so small a data set",
    parts=1,  # a round takes less than a tenth of a second, a process seconds to start
)


def main(argv=None):
    return study.main(STUDY, __doc__, argv)


if __name__ == "__main__":
    main()
