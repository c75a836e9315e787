"""Duchenne: models that tell genuine (spontaneous) from posed facial expressions."""

from zoo import _backend as _backend  # first: it says so where Keras has no backend
from zoo import export as export
from zoo import heads as heads
from zoo import layers as layers  # registers them, for `load_model`
from zoo import pruning as pruning
from zoo.features import feature_extractor
from zoo.gfe import GrammaticalLSTM, GrammaticalMLP, GrammaticalSequence
from zoo.grid_lstm import GridLSTMCell
from zoo.inception_v4 import InceptionV4
from zoo.lstm_pb import LSTMPB
from zoo.pruning_callback import DistinctivenessPruning
from zoo.pupil_course import PupilCourse
from zoo.pupil_lstm import PupilLSTM
from zoo.registry import create_model, list_models, model_info
from zoo.shallow_cnn import ShallowCNN
from zoo.trained_run import TrainedRun, load_run
from zoo.training import train_layers

__version__ = "0.1.0"

__all__ = [
    "DistinctivenessPruning",
    "GrammaticalLSTM",
    "GrammaticalMLP",
    "GrammaticalSequence",
    "GridLSTMCell",
    "InceptionV4",
    "LSTMPB",
    "PupilCourse",
    "PupilLSTM",
    "ShallowCNN",
    "TrainedRun",
    "create_model",
    "feature_extractor",
    "list_models",
    "load_run",
    "model_info",
    "train_layers",
]
