"""Grammatical facial expressions in frames and what surrounds them: the best of ours.

Paper     Xu, "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical
          Facial Expression Recognition", The Australian National University
          (seeds/004), whose proposal for further work is windows of several frames.
Command   python -m experiments.gfe_sequence --protocol signer
Expected  the paper's LSTM on single frames reports a mean F1 of 0.9084; here, over
          three seeds, 0.964 on shuffled frames, 0.883 held out in time, 0.792 on the
          other signer
Time      1.5 minutes on 2 CPU cores, 3.5 for the other signer.

Boosted trees on geometric features by default: distances, angles, depths relative to
the face's, points with the head's movement taken off, that movement, and of all of
these the mean, spread and slope over 5, 15 and 31 frames. With --head softmax a
convolutional-recurrent network, zoo.GrammaticalSequence, labels every frame instead.

Where the people tested are known from training (protocols shuffled, holdout), features
are taken as they are. For new people (signer) they are taken relative to the 151 frames
around, so that what stays the same of a person drops out, and heads on geometric
features are trained on each recording's mirror image as well. Both follow from the
protocol's question; --people overrules it.
"""

if not __package__:
    raise SystemExit("Start it in the checkout: python -m experiments.gfe_sequence")

from experiments import common, gfe, search_gfe

STUDY = common.Study(
    name="gfe_sequence",
    model="frames in context",
    builder="GrammaticalSequence",
    dataset="gfe",
    paper="Xu, LSTM",
    varies_by="protocol",
    download=gfe.download,
    defaults={
        **gfe.DEFAULTS,
        "people": {"shuffled": "known", "holdout": "known", "signer": "new"},
        "learning_rate": 0.002,
        "epochs": 40,
        "batch_size": 16,
        "head": "xgboost",
        "features": "geometric",
    },
    sample={"seeds": 1},
    paper_protocol="shuffled",
    quick={"seeds": 1, "epochs": 1, "batch_size": 64, "head": "softmax"},
    space=search_gfe.sequence,
    trial=search_gfe.NETWORK,
)
PEOPLE = (
    "people",
    "whom it is for: known to the training part, or new",
    {"choices": ["known", "new"]},
)


def parser():
    result = gfe.parser(STUDY, __doc__)
    heads = gfe.head_options("the frame in its context")
    gfe.add_options(result, STUDY, [*gfe.TRAINING, PEOPLE, *heads])
    return result


def main(argv=None):
    return common.main(STUDY, parser(), gfe.work, argv)


if __name__ == "__main__":
    main()
