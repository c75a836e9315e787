"""What models are called in a table: names that tell them apart."""

from experiments.compare.words import printable, setting

TOLD = 4  # settings in a name; with more of them the run's folder says it shorter


def names(records):
    """Names of the models of several runs, by the settings in which these differ.

    Args:
        records: the runs of a table, `compare.record.Record`.

    Returns:
        Dict of `Model` to a name; no two are the same.
    """
    found = {}
    for record in records:
        runs = [one for one in records if one.study.name == record.study.name]
        words = _words(record, runs)
        for model in record.models:
            found[model] = f"{model.name} ({words})" if words else model.name
    found = _with(found, lambda model, place: f" [{model.record.folder}]")
    return _with(found, lambda model, place: f" #{place}")


def _words(record, runs):
    """What tells a run from others of its study; empty where it is the only one."""
    if len(runs) == 1:
        return ""
    keys = sorted(set().union(*(run.settings for run in runs)))
    keys = [k for k in keys if len({repr(r.settings.get(k)) for r in runs}) > 1]
    told = [f"{printable(k)} {setting(record.settings.get(k))}" for k in keys]
    return ", ".join(told) if 0 < len(told) <= TOLD else record.folder


def _with(found, more):
    """The same names, with an addition where several models have the same."""
    alike = {}
    for model, name in found.items():
        alike.setdefault(name, []).append(model)
    return {
        model: name
        if len(alike[name]) == 1
        else name + more(model, alike[name].index(model) + 1)
        for model, name in found.items()
    }
