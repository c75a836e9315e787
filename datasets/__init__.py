"""Adapters: a folder on disk to a pandas index to tf.data."""

import pandas as pd

# File names are bytes, and Arrow, which pandas takes for text where it is installed,
# refuses those that are not UTF-8, as archives from elsewhere leave them.
pd.set_option("mode.string_storage", "python")
