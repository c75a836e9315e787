"""Whether an HDF5 file is what Keras writes: plain numbers, all in the file itself.

A program of its own (`python _hdf5_check.py FILE`), as the HDF5 library can crash on a
damaged file: the process that wants the weights is then still there to say so. Imports
nothing of `zoo`, which would bring Keras along.
"""

import os
import sys

NUMBERS = "biufc"  # NumPy's kinds: bool, integers, floats, complex
OPAQUE = 2  # bytes of a bfloat16, which HDF5 has no type for
OBJECTS = 100_000


def problems(path):
    """What in a file Keras would not write, or an empty string.

    HDF5 lets a file refer to others by their path: external and soft links, external
    and virtual datasets. Reading it would read those.
    """
    import h5py

    size, found, used = os.path.getsize(path), [], 0
    with h5py.File(path, "r") as file:
        links = []
        file.visititems_links(lambda name, link: links.append((name, link)))
        if len(links) > OBJECTS:
            return f"it has {len(links)} entries"
        for name, link in links:
            if not isinstance(link, h5py.HardLink):
                found.append(f"{name} is a {type(link).__name__}")
                continue
            entry = file[name]
            if isinstance(entry, h5py.Dataset):
                found.append(of_dataset(name, entry, size))
                used += entry.nbytes
            elif not isinstance(entry, h5py.Group):
                found.append(f"{name} is a {type(entry).__name__}")
            for key in entry.attrs:
                entry.attrs[key]
    if used > size:
        found.append(f"its datasets declare {used} bytes in a file of {size}")
    return "; ".join([one for one in found if one][:5])


def of_dataset(name, dataset, size):
    kind = dataset.dtype
    if kind.kind not in NUMBERS and (kind.kind, kind.itemsize) != ("V", OPAQUE):
        return f"{name} holds {kind} and not numbers"
    if dataset.external:
        return f"{name} lies in another file: {dataset.external[0][0]}"
    if dataset.is_virtual:
        return f"{name} is put together from other files"
    if dataset.chunks or dataset.id.get_create_plist().get_nfilters():
        return f"{name} is compressed or in chunks"
    if dataset.nbytes > size:
        return f"{name} declares {dataset.nbytes} bytes in a file of {size}"
    return ""


def limit_memory(gigabytes=8):
    try:
        import resource
    except ImportError:  # Windows
        return
    most = gigabytes << 30
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main(path):
    limit_memory()
    try:
        found = problems(path)
    except Exception as error:
        found = f"it is no HDF5 file or damaged: {error}"
    # Bytes, as the names in a damaged file are not always text.
    sys.stdout.buffer.write(found[:1000].encode(errors="replace"))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
