"""Distinctiveness pruning: dense layers without the units that do others' work.

Gedeon and Harris 1991, 1992; Gong, section 2.2. `zoo.distinctiveness` cites them, and
finds the units; here their outgoing weights are given to the units that stay, and what
they leave on average to the bias of the layer after. Nothing is trained anew.

For units that are exactly alike, exactly complementary, or exactly constant, the
model's output stays what it was. For others it changes, the more the wider the angles.
"""

import dataclasses

import keras
import numpy as np

from zoo._shrinking import shrink
from zoo._units import find, refuse
from zoo.distinctiveness import (
    HIGH,
    LOW,
    DistinctiveUnits,
    check_angles,
    distinctive_units,
    unit_angles,
)

__all__ = [
    "DistinctiveUnits",
    "activations",
    "compact",
    "distinctive_units",
    "mask",
    "prune",
    "unit_angles",
]

MERGE = ("add", "scale", "remove")


def prune(model, layer, patterns, low=LOW, high=HIGH, merge=None):
    """Returns a smaller model without the units of a layer that do others' work.

    Reference: Gedeon and Harris 1992; Gong, section 2.2.

    A dense layer may be followed by activations, dropout and batch normalisation, and
    its units may go into one dense layer or several. The angles are taken between what
    the units say after their activation. Where the layer is applied to every step of a
    sequence, every step is a pattern, one that is masked (padding) as well.

    ```python
    smaller = zoo.pruning.prune(model, "fc1", patterns)
    ```

    Args:
        model: a built Sequential or Functional model. It is left as it is.
        layer: the `keras.layers.Dense` to prune, or its name.
        patterns: inputs of the model, as `model.predict` takes them; the training
            inputs, for example.
        low: degrees, 0 to 90; below it two units do the same work.
        high: degrees, 90 to 180; above it they are complementary.
        merge: what becomes of the weights of a unit that goes. `"add"`, the paper's:
            added to those of the unit that stays, or subtracted from them and added to
            the bias. `"scale"`: the same in proportion to how much the unit said (least
            squares). `"remove"`, the older text's: as `"add"`, but of two complementary
            units both go. By default `"add"` for activations with a range (sigmoid,
            tanh) and `"scale"` for those without (relu), where units alike in all but
            strength have the same direction.

    Returns:
        A new model of the same kind, with the same names, not compiled.

    Raises:
        ValueError: the layer cannot be pruned, or the patterns do not fit; the message
            says why.
    """
    units, found, changed = plan(model, layer, patterns, low, high, merge)
    return shrink(model, units, found.kept, changed)


def mask(model, layer, patterns, low=LOW, high=HIGH, merge=None):
    """Does in place what `prune` does, without making the layer smaller.

    Units that go no longer have outgoing weights; `compact` takes them out. They are
    not looked at again when the layer is masked once more. A training would give them
    weights again: take them out before, or use `zoo.DistinctivenessPruning`.

    Args:
        model: a built Sequential or Functional model; its weights are changed.
        layer: see `prune`.
        patterns: see `prune`.
        low: see `prune`.
        high: see `prune`.
        merge: see `prune`.

    Returns:
        `DistinctiveUnits`: what became of the units.

    Raises:
        ValueError: see `prune`.
    """
    _, found, changed = plan(model, layer, patterns, low, high, merge)
    put(changed)
    return found


def compact(model, layer):
    """Returns a smaller model without the units that have no outgoing weights.

    The output is the same: such units, which `mask` leaves, reach nothing.

    Args:
        model: a built Sequential or Functional model. It is left as it is.
        layer: the `keras.layers.Dense`, or its name.

    Returns:
        A new model of the same kind, with the same names, not compiled.

    Raises:
        ValueError: the layer cannot be pruned; the message says why.
    """
    units = find(model, layer)
    return shrink(model, units, np.flatnonzero(~masked(units)), {})


def activations(model, layer, patterns):
    """Return the activations of a dense layer's units.

    Args:
        model: see `prune`.
        layer: see `prune`.
        patterns: see `prune`.

    Returns:
        `(patterns, units)`; with further axes in between where the layer has them.

    Raises:
        ValueError: see `prune`.
    """
    return observe(prober(find(model, layer)), patterns)


def prober(units):
    """The part of the model up to the units' activations."""
    return keras.Model(units.inputs, units.activations, name=units.dense.name)


def observe(probe, patterns):
    expected = [tuple(tensor.shape) for tensor in probe.inputs]
    if hasattr(patterns, "__len__") and not len(patterns):
        raise ValueError(f"Expected one pattern or more, {expected}. Received: none")
    try:
        return probe.predict(patterns, verbose=0)
    except Exception as error:
        received = described(patterns)
        reason = str(error).strip().splitlines()[0] if str(error) else repr(error)
        raise ValueError(
            f"The patterns could not be put through the model: expected {expected}, "
            f"as model.predict takes them. Received: {received}. ({reason[:200]})"
        ) from error


def described(patterns):
    """Patterns in a few words."""
    if isinstance(patterns, dict):
        return {name: described(part) for name, part in patterns.items()}
    if hasattr(patterns, "shape"):
        return tuple(patterns.shape)
    length = f" of {len(patterns)}" if hasattr(patterns, "__len__") else ""
    return f"{type(patterns).__name__}{length}"


def plan(model, layer, patterns, low, high, merge):
    check(low, high, merge)
    units = find(model, layer)
    said = observe(prober(units), patterns)
    decision = decide(units, said, low, high, merge)
    return units, decision.found, handed_over(units, decision)


def check(low, high, merge):
    check_angles(low, high)
    if merge not in (None, *MERGE):
        raise ValueError(
            f"Expected merge to be None or one of {', '.join(MERGE)}. "
            f"Received: {merge!r}"
        )


@dataclasses.dataclass(frozen=True)
class Decision:
    """The fate of a layer's units, and what their weights follow from.

    Attributes:
        found: the `DistinctiveUnits`.
        goes: units that go into another one.
        stays: what each of them goes into.
        share: how much of that one it is.
        means: what the constant units say on average.
    """

    found: DistinctiveUnits
    goes: np.ndarray
    stays: np.ndarray
    share: np.ndarray
    means: np.ndarray


def decide(units, said, low, high, merge):
    """Decides by the activations of a layer's units what becomes of them.

    Args:
        units: the `Units`.
        said: their activations.
        low: degrees.
        high: degrees.
        merge: see `prune`.
    """
    if merge is None:
        merge = "scale" if units.centre is None else "add"
    alive = np.flatnonzero(~masked(units))
    said = said.reshape(-1, said.shape[-1])
    found = distinctive_units(said[:, alive], low, high, units.centre)
    found = renumbered(found, alive)
    vectors = said.astype(np.float64) - (units.centre or 0)
    if merge == "remove":
        found = without_pairs(found, vectors)
    means = said[:, found.constant].mean(axis=0, dtype=np.float64)
    return Decision(found, *pairs_of(found, vectors, merge), means)


def handed_over(units, decision):
    """The layers that take the units up, with what goes given to what stays.

    Returns:
        By the layer's name, the layer with its new kernel and bias.
    """
    return {
        branch.consumer.name: (branch.consumer, *received(units, branch, decision))
        for branch in units.branches
    }


def received(units, branch, decision):
    """Kernel and bias at the end of a branch."""
    kernel, bias = (
        keras.ops.convert_to_numpy(variable).astype(np.float64)
        for variable in (branch.consumer.kernel, branch.consumer.bias)
    )
    found, centre = decision.found, units.centre or 0
    goes, stays, share = decision.goes, decision.stays, decision.share
    scale, shift = branch.scale_and_shift(len(kernel))
    if (scale[stays] == 0).any():
        refuse(
            units.dense.name,
            "a batch normalisation behind it has a scale of 0 for unit "
            f"{stays[np.argmin(np.abs(scale[stays]))]}, which others merge into.",
        )
    constant = scale[found.constant] * decision.means + shift[found.constant]
    bias = bias + constant @ kernel[found.constant]
    # The unit that goes says centre + share * (what the other says - centre).
    weight = scale[goes] * share / scale[stays]
    rest = scale[goes] * centre * (1 - share) + shift[goes] - weight * shift[stays]
    bias = bias + rest @ kernel[goes]
    added = np.zeros_like(kernel)
    np.add.at(added, stays, weight[:, None] * kernel[goes])
    kernel = kernel + added
    kernel[np.setdiff1d(np.arange(len(kernel)), found.kept)] = 0
    return kernel, bias


def put(changed):
    for consumer, kernel, bias in changed.values():
        consumer.kernel.assign(kernel)
        consumer.bias.assign(bias)


def renumbered(found, numbers):
    """`DistinctiveUnits` of some of the units, with their numbers among all."""
    return DistinctiveUnits(
        numbers[found.kept],
        {int(numbers[u]): int(numbers[v]) for u, v in found.merged.items()},
        {int(numbers[u]): int(numbers[v]) for u, v in found.complementary.items()},
        numbers[found.constant],
    )


def without_pairs(found, vectors):
    """Units that have a complementary one go as well; the longest stays at least."""
    kept = np.setdiff1d(found.kept, list(found.complementary.values()))
    if not len(kept):
        length = np.square(vectors[:, found.kept]).sum(axis=0)
        kept = found.kept[[np.argmax(length)]]
    return dataclasses.replace(found, kept=kept)


def pairs_of(found, vectors, merge):
    """Units that go, units they merge into, and how much of those they are."""
    into = dict(found.merged)
    if merge != "remove":
        into |= found.complementary
    goes = np.array(sorted(into), int)
    stays = np.array([into[unit] for unit in goes], int)
    if merge == "scale":
        length = np.einsum("pu,pu->u", vectors[:, stays], vectors[:, stays])
        share = np.einsum("pu,pu->u", vectors[:, goes], vectors[:, stays]) / length
    else:
        share = np.array([-1.0 if u in found.complementary else 1.0 for u in goes])
    return goes, stays, share


def masked(units):
    """Units without outgoing weights; none where nothing has any, as at some starts."""
    rows = np.all(
        [~keras.ops.convert_to_numpy(c.kernel).any(axis=-1) for c in units.consumers],
        axis=0,
    )
    return rows & ~rows.all()
