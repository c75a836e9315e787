"""Adapters: a folder on disk to a pandas index to tf.data."""

import os

# TensorFlow reports its start-up line by line; warnings and errors stay.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
