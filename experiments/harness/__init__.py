"""What every study shares: the life cycle of a run, measured and reported once."""
