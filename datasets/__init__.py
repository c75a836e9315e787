"""Adapters: a folder on disk to a pandas index to tf.data."""
