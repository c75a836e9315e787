"""The paired tests of a table, and what a reader must know of them."""

import itertools

from experiments.compare import expressions, measures

NOTHING = ("difference", "ci95", "p", "subjects", "differ")


def tests(models, names, factors):
    """Paired tests of every two models.

    Args:
        models: of one table, `compare.record.Model`.
        names: their names in it.
        factors: what intervals draw anew, and tests swap.

    Returns:
        List of dicts, see `compare.measures.paired`; each has `names`, and `p_holm`
        where there is a p-value.
    """
    found = []
    for first, second in itertools.combinations(models, 2):
        told = _paired(first, second, factors)
        found.append({**told, "names": (names[first], names[second])})
    tested = [told for told in found if told["p"] is not None]
    corrected = measures.holm([told["p"] for told in tested])
    for told, p in zip(tested, corrected, strict=True):
        told["p_holm"] = p
    return found


def _paired(first, second, factors):
    one, other = first.record, second.record
    if one is not other and None in (one.fingerprint, other.fingerprint):
        why = "which data they were measured on is not known"
    elif one.fingerprint != other.fingerprint:
        why = "measured on different data"
    elif one.study.data == "gfe":
        return expressions.paired(first.table, second.table)
    else:
        return measures.paired(first.table, second.table, factors)
    return {**dict.fromkeys(NOTHING), "why": why}


def notes(group):
    """What a reader must know of a table and its tests; list of sentences."""
    lines = []
    if len(group.parts) > 1:
        lines.append(
            f"The models were tested on {len(group.parts)} different test parts "
            "(letters): figures of different parts are not comparable sample by sample."
        )
    tested = [told for told in group.tests if told["p"] is not None]
    differ = min((told["differ"] for told in tested if told["differ"]), default=0)
    if differ and 2.0 ** (1 - differ) > 0.05:
        pupil = group.case.dataset == "pupil"
        of, what = ("of or to", "people or videos") if pupil else ("of", "subjects")
        lines.append(
            f"Where two models differ in the answers {of} {differ} {what} only, no "
            f"p-value below {2.0 ** (1 - differ):.3f} is possible."
        )
    if group.case.dataset == "pupil" and tested:
        lines.append(
            "All observers saw the same videos: the intervals draw both anew, and the "
            "tests swap the answers of whole observers, then those to whole videos; "
            "told is the larger p-value."
        )
    if group.case.dataset == "gfe":
        lines.append("There are two signers: no interval over people can be given.")
        if group.tests:
            lines.append(
                "Differences are of means over the seeds that both runs have; where "
                "they have none in common, over those of each."
            )
    return lines
