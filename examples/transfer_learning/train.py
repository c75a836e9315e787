"""Another project that uses Duchenne: see README.md."""

import argparse
import subprocess
import sys
from pathlib import Path

import cloths
import keras
import numpy as np
import tensorflow as tf

import zoo

# A process that has the file and the package, and nothing of this script.
RELOAD = """
import sys, keras, numpy as np, zoo
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
"""


def read(folder):
    """The pictures, their labels, and the names of the classes."""
    found = keras.utils.image_dataset_from_directory(
        folder, image_size=(96, 96), seed=0, verbose=False
    )
    pictures, labels = zip(*found.as_numpy_iterator(), strict=True)
    pictures = np.concatenate(pictures).round().astype("uint8")
    return pictures, np.concatenate(labels), found.class_names


def dense_net(features, classes):
    """This project's own network; nothing in it is Duchenne's."""
    scale = keras.layers.Normalization()
    scale.adapt(features)
    inputs = keras.Input(features.shape[1:])
    x = keras.layers.Dense(64, activation="sigmoid", name="hidden")(scale(inputs))
    x = keras.layers.Dense(classes, activation="softmax")(x)
    model = keras.Model(inputs, x)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def save_and_load(model, out, pictures):
    """Return how far answers after saving and loading differ from the model's own."""
    model.save(out / "model.keras")
    zoo.export.export(model, out / "saved_model", input_dtype="uint8")
    np.save(out / "pictures.npy", pictures)
    names = ["model.keras", "pictures.npy", "answers.npy"]
    files = [str(out / name) for name in names]
    subprocess.run([sys.executable, "-c", RELOAD, *files], check=True)
    loaded = tf.saved_model.load(str(out / "saved_model"))  # keep it
    answers = np.load(files[-1]), loaded.serve(pictures)
    expected = model.predict(pictures, verbose=0)
    return [np.abs(answer - expected).max() for answer in answers]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="a folder of one folder a class")
    parser.add_argument("--weights", help="imagenet, or a file; random by default")
    parser.add_argument("--out", type=Path, default=Path("transfer_learning"))
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    options.out.mkdir(parents=True, exist_ok=True)
    folder = options.pictures or options.out / "pictures"
    if not folder.exists():
        cloths.draw(folder)
    pictures, labels, classes = read(folder)

    # Inception V4, from pictures as they are (uint8) to 1536 features.
    picture = keras.Input((None, None, 3))
    backbone = zoo.InceptionV4(
        include_top=False,
        pooling="avg",
        weights=options.weights,
        input_tensor=zoo.layers.PreparePictures(96)(picture),
    )
    features = backbone.predict(pictures, verbose=0)

    # Two heads: one of zoo.heads, and a network of our own that is pruned at the end.
    third = len(labels) // 3
    train, test = slice(third, None), slice(third)
    learnt, held_out = [(features[part], labels[part]) for part in (train, test)]
    head = zoo.heads.logistic(C=0.01).fit(*learnt)
    net = dense_net(features[train], len(classes))
    pruning = zoo.DistinctivenessPruning("hidden", features[train], low=30, high=150)
    done = net.fit(
        *learnt, epochs=40, validation_data=held_out, callbacks=[pruning], verbose=0
    )
    before = done.history["val_accuracy"][-1]  # the callback prunes after validation
    small = zoo.pruning.compact(net, "hidden")
    after = np.mean(small.predict(features[test], verbose=0).argmax(1) == labels[test])

    model = keras.Model(
        picture, small(backbone.output)
    )  # from the picture to the class
    reloaded, served = save_and_load(model, options.out, pictures[test][:8])

    units = [network.get_layer("hidden").units for network in (net, small)]
    rows = {
        f"network, {units[0]} hidden units": before,
        f"pruned, {units[1]} hidden units": after,
        "logistic regression": head.score(*held_out),
        "majority class": np.bincount(labels[test]).max() / third,
    }
    print(f"{len(labels)} pictures of {', '.join(classes)}; a third of them held out")
    print(
        f"Inception V4, weights: {options.weights or 'random, so do not expect much'}"
    )
    for name, accuracy in rows.items():
        print(f"{name:26} accuracy {accuracy:.3f}")
    print(f"model.keras, in a new process, answers with a difference of {reloaded:.0e}")
    print(f"saved_model, in TensorFlow, answers with a difference of {served:.0e}")


if __name__ == "__main__":
    main()
