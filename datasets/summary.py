"""A few lines on an index: its contents, and what was left out of it."""

import pandas as pd


def summarise(index: pd.DataFrame, name: str, unit: str = "files") -> str:
    """Return a few lines on an index.

    Args:
        index: One row a sample, with `subject` and `label`; `attrs["report"]` lists by
            reason what deserves a look.
        name: Of the dataset.
        unit: What a row is, in the plural.
    """
    people, genuine = index["subject"].nunique(), int(index["label"].sum())
    lines = [f"{name}: {len(index)} {unit} of {people} people, {genuine} genuine"]
    for reason, names in index.attrs.get("report", {}).items():
        if names:
            more = ", ..." * (len(names) > 3)
            lines.append(f"{reason}: {len(names)} ({', '.join(names[:3])}{more})")
    return "\n".join(lines)
