"""Whether a run beats a constant answer, by the rule of its own report."""

# Compared within rounds, and judged by that: see `pupil_measures`, `sase_measures`.
BY_RANKING = ("pupil", "sase_fe")


def verdict(model, values):
    """Whether it is shown to beat a constant answer, by the rule of its study.

    Args:
        model: a `compare.record.Model`.
        values: value and interval of each measure, by key.

    Returns:
        A few words; empty where the study does not judge by this model.
    """
    dataset = model.record.study.data
    if dataset == "gfe":
        each = model.record.metrics["expressions"].values()
        above = sum(one["f1"] > one["baselines"]["always_f1"] for one in each)
        return f'F1 above "always occurring" in {above} of {len(each)} expressions'
    if dataset == "sase_fe" and model is not model.record.models[0]:
        return ""
    if dataset in BY_RANKING:
        intervals = [values[key][1] for key in ("roc_auc", "balanced_accuracy")]
        bars, what = (0.5, 0.5), "chance"
    else:
        intervals = [values["accuracy"][1]]
        bars = (model.measures["baselines"]["majority_class"],)
        what = "the majority class"
    if not all(intervals):
        return "too few people to tell"
    above = all(low > bar for (low, _), bar in zip(intervals, bars, strict=True))
    return f"{'above' if above else 'NOT shown to beat'} {what}"
