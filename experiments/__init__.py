"""The studies. Each runs from the checkout: `python -m experiments.NAME`."""

import importlib
import importlib.util
import os
import pathlib

# TensorFlow reports its start-up line by line; warnings and errors stay.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

ROOT = pathlib.Path(__file__).resolve().parents[1]
STUDIES = (
    *("nvie_inception", "nvie_cnn", "nvie_svm"),
    *("gfe_lstm", "gfe_mlp", "gfe_sequence"),
    *("pupil_lstm", "pupil_course", "sase_lstm_pb"),
)


def load_study(name: str):
    """Return the `harness.study.Study` of a recipe, without loading TensorFlow."""
    return importlib.import_module(f"experiments.{name}").STUDY


def _check_datasets():
    """Another package of the same name, such as Hugging Face's, may come first."""
    spec = importlib.util.find_spec("datasets")
    found = pathlib.Path(spec.origin).resolve() if spec and spec.origin else None
    if found != ROOT / "datasets" / "__init__.py":
        raise ImportError(
            f"`import datasets` finds {found or 'nothing'} and not the one of this "
            f"checkout. Start the studies in the folder {ROOT}, as "
            "`python -m experiments.NAME`, without -P or -I, and with no folder that "
            "holds another `datasets` in PYTHONPATH."
        )


_check_datasets()
