"""The life cycle that all studies share: run, resume, measure, report."""
