"""Copies of models with fewer units in a dense layer: what `zoo.pruning` ends in."""

import tempfile

import keras

from zoo._units import refuse


def shrink(model, units, kept, changed):
    """A copy of a model with some units of a layer only.

    Args:
        model: the model.
        units: the `Units` of the layer.
        kept: numbers of the units that stay.
        changed: other weights of layers that take the units up, as `merged` has them.
    """
    beside = {id(layer) for layer in units.beside}
    consumers = {id(layer) for layer in units.consumers}
    smaller = clone(model, units.dense, len(kept))
    for layer, copy in zip(model.layers, smaller.layers, strict=True):
        weights = layer.get_weights()
        if id(layer) in consumers:
            if layer.name in changed:
                weights[:2] = changed[layer.name][1:]
            weights[0] = weights[0][kept]
            copy.set_weights(weights)
        elif layer is units.dense:
            copy.set_weights([w[..., kept] for w in weights])
        elif id(layer) in beside:
            # What a layer has once for all units (a shared slope) has a last axis of 1.
            count = units.dense.units
            weights = [w[..., kept] if w.shape[-1] == count else w for w in weights]
            copy.set_weights(weights)
        else:
            copy_state(layer, copy)
    return smaller


def clone(model, dense, count):
    """Keras's clone of a model, with another number of units in one dense layer.

    It is left uncompiled: a loss of the user's may have no configuration.
    """

    def copy(layer):
        try:
            config = layer.get_config()
            if layer is dense:
                config["units"] = count
            with keras.saving.custom_object_scope(own_objects(layer)):
                return type(layer).from_config(config)
        except Exception as error:
            reason = str(error).strip().splitlines()[0] if str(error) else repr(error)
            refuse(
                dense.name,
                f"the model's layer {layer.name!r} ({type(layer).__name__}) cannot be "
                "made anew from its configuration. Does it have get_config, and are "
                "its functions registered (keras.saving.register_keras_serializable)? "
                f"Keras says: {reason[:200]}",
            )

    compiled, model.compiled = model.compiled, False
    try:
        return keras.models.clone_model(model, clone_function=copy)
    finally:
        model.compiled = compiled


def own_objects(layer):
    """Classes and functions that a layer is made of, by the names in its config."""
    found = {}
    if not isinstance(layer, keras.Layer):  # such as x + y
        return found
    for part in layer._flatten_layers():
        mine = [type(part), *vars(part).values()]
        found |= {x.__name__: x for x in mine if hasattr(x, "__name__")}
    return {name: x for name, x in found.items() if callable(x)}


def copy_state(layer, copy):
    """All that a layer and those inside it hold, as Keras saves and loads it."""
    if not layer.trainable:
        copy.trainable = False  # a frozen model inside has no configuration for it
    parts = zip(layer._flatten_layers(), copy._flatten_layers(), strict=True)
    for one, other in parts:
        store = {}
        one.save_own_variables(store)
        if store:
            other.load_own_variables(store)
        if hasattr(one, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                one.save_assets(folder)
                other.load_assets(folder)
