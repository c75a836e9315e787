"""Weights for Inception V4 in the naming schemes they are published in.

Two schemes besides our own: the original TF-Slim checkpoint (Szegedy et al. 2016),
whose scopes our layers are named after, and timm's conversion of it.
"""

import re

import numpy as np

from zoo._builder import PREDICTIONS
from zoo._extras import optional
from zoo.weights import WeightRecord, fetch, read_own

IMAGENET = WeightRecord(
    url="https://huggingface.co/timm/inception_v4.tf_in1k/resolve/main/model.safetensors",
    file_name="inception_v4.tf_in1k.safetensors",
    classes=1000,
    input_size=299,
    input_range=(-1.0, 1.0),
    trained_on="ImageNet-1k (ILSVRC 2012), training part",
    licence="Apache-2.0",
    source="the paper's authors' TF-Slim checkpoint of 2016-09-09, converted by timm; "
    "80.14 / 94.98 % top 1 / top 5 as published",
)

# What a training checkpoint holds beside the network: the auxiliary classifier, which
# only helped the original training, optimiser slots and counters.
NOT_OURS = re.compile(
    r"^(?!InceptionV4/)|^InceptionV4/AuxLogits/|"
    r"/(RMSProp|RMSProp_1|Momentum|Adam|Adam_1|ExponentialMovingAverage)$"
)


def read_weights(source, model):
    """Reads weights for Inception V4, whichever scheme they are in.

    Args:
        source: `IMAGENET`, or the path of a `.safetensors`, `.keras` or `.h5` file, or
            of a TF-Slim checkpoint.
        model: the model they are for.

    Returns:
        Dict from `layer/variable` to array, in our names.

    Raises:
        OSError: the download failed.
        ValueError: the file is damaged, or its tensors are named after another scheme.
    """
    path = fetch(source) if isinstance(source, WeightRecord) else source
    if path.endswith(".safetensors"):
        return from_timm(read_safetensors(path), model)
    if path.endswith((".keras", ".h5")):
        return read_own(path, model)
    return from_slim(read_checkpoint(path), model)


def read_safetensors(path):
    import safetensors
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"{path} is not a complete safetensors file ({error}). Delete it and fetch "
            "it again."
        ) from error


def read_checkpoint(path):
    tf = optional("tensorflow", "tensorflow")
    try:
        reader = tf.train.load_checkpoint(path)
        names = reader.get_variable_to_shape_map()
        return {n: reader.get_tensor(n) for n in names if not NOT_OURS.search(n)}
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path} is neither a .keras, .weights.h5 or .safetensors file nor the "
            f"prefix of a TensorFlow checkpoint that can be read: {error}"
        ) from error


def scopes(model):
    """Names of the model's convolutions, in the order of the network."""
    names = (layer.name for layer in model.layers)
    # The paper's names, from Conv2d_1a to Mixed_7d and from 0a on inside a branch, are
    # in alphabetical order.
    return sorted(n.removesuffix("_conv") for n in names if n.endswith("_conv"))


def from_slim(tensors, model):
    """Renames the tensors of the original checkpoint."""
    renamed = {"InceptionV4/Logits/Logits": PREDICTIONS}
    for scope in scopes(model):
        slim = re.sub(r"_(Branch_\d)_", r"/\1/", scope)
        renamed[f"InceptionV4/{slim}/BatchNorm"] = f"{scope}_BatchNorm"
        renamed[f"InceptionV4/{slim}"] = f"{scope}_conv"
    variables = {"weights": "kernel", "biases": "bias"}
    out = {}
    for name, value in tensors.items():
        scope, _, variable = name.rpartition("/")
        layer = renamed.get(scope, scope)
        out[f"{layer}/{variables.get(variable, variable)}"] = value
    drop_background(out, model)
    return out


def drop_background(tensors, model):
    """Drops the original's class 0, which stands for none of the 1000."""
    kernel, bias = f"{PREDICTIONS}/kernel", f"{PREDICTIONS}/bias"
    classes = model.output.shape[-1]
    if kernel in tensors and tensors[kernel].shape[-1] == 1001 and classes != 1001:
        tensors[kernel], tensors[bias] = tensors[kernel][:, 1:], tensors[bias][1:]


def from_timm(tensors, model):
    """Renames and transposes the tensors of timm's conversion.

    timm's batch normalisation has a scale. In the converted original it is one; one
    that was trained on is multiplied into the kernel and the moving mean, which leaves
    what the network computes the same.
    """
    counter = "num_batches_tracked"
    tensors = {k: v for k, v in tensors.items() if not k.endswith(counter)}
    out = {}
    for scope, prefix in timm_prefixes(scopes(model)).items():
        if not {f"{prefix}.conv.weight", f"{prefix}.bn.weight"} <= tensors.keys():
            continue  # `load` reports it as missing, by our name
        kernel = np.moveaxis(tensors.pop(f"{prefix}.conv.weight"), [1, 0], [-2, -1])
        scale = tensors.pop(f"{prefix}.bn.weight")
        if scale.shape != kernel.shape[-1:]:
            scale = 1  # `load` reports the kernel's shape
        out[f"{scope}_conv/kernel"] = kernel * scale
        for theirs, ours, factor in [
            ("bias", "beta", 1),
            ("running_mean", "moving_mean", scale),
            ("running_var", "moving_variance", 1),
        ]:
            if f"{prefix}.bn.{theirs}" in tensors:
                value = tensors.pop(f"{prefix}.bn.{theirs}")
                out[f"{scope}_BatchNorm/{ours}"] = value * factor
    if "last_linear.weight" in tensors:
        out[f"{PREDICTIONS}/kernel"] = tensors.pop("last_linear.weight").T
    if "last_linear.bias" in tensors:
        out[f"{PREDICTIONS}/bias"] = tensors.pop("last_linear.bias")
    return {**tensors, **{k: np.ascontiguousarray(v) for k, v in out.items()}}


def timm_prefixes(scopes):
    """Maps our names of the convolutions to timm's module names."""
    blocks = sorted({scope.split("_Branch_")[0] for scope in scopes})
    branches = {}
    for scope in scopes:
        branches.setdefault(re.split(r"_Conv2d_\d[a-z]_", scope)[0], []).append(scope)
    prefixes = {}
    for scope in scopes:
        block, _, rest = scope.partition("_Branch_")
        index = f"features.{blocks.index(block)}"
        if not rest:
            prefixes[scope] = index
        elif block in ("Mixed_3a", "Mixed_5a"):
            prefixes[scope] = f"{index}.conv"
        else:
            siblings = branches[re.split(r"_Conv2d_\d[a-z]_", scope)[0]]
            module = timm_module(block, rest, siblings.index(scope), len(siblings))
            prefixes[scope] = f"{index}.{module}"
    return prefixes


def timm_module(block, rest, position, count):
    """timm's name of the convolution at `position` of `count` in its branch."""
    branch = rest[0]
    if count == 1:
        # After a pooling layer, which is then module 0, the paper's names begin at 0b.
        return f"branch{branch}.1" if "Conv2d_0b" in rest else f"branch{branch}"
    if block.startswith("Mixed_7") and block != "Mixed_7a":
        forked = {"1": "0 1a 1b", "2": "0 1 2 3a 3b"}[branch].split()
        return f"branch{branch}_{forked[position]}"
    return f"branch{branch}.{position}"
