"""Packages that not everybody needs, and how to install them where one is missing."""

import importlib

# What each extra of setup.py is for, as the errors say it.
EXTRAS = {
    "tensorflow": "the TensorFlow backend and what is written for it",
    "heads": "heads such as SVMs and boosted trees",
    "video": "videos and the detection of faces",
    "dlib": "the 68 points of Huynh and Kim",
    "tables": "tables, workbooks and point files",
    "export": "exports such as ONNX and LiteRT",
}


def optional(module, extra):
    """Imports a module that one of the extras brings.

    To be called where the module is used, not where `zoo` is imported:
    `cv2 = optional("cv2", "video")`.

    Args:
        module: as in an import statement; with dots, the submodule is returned.
        extra: the extra that installs it, one of `EXTRAS`.

    Returns:
        The module.

    Raises:
        ModuleNotFoundError: its package is not installed. Says what needs it and the
            command that installs it.
        ImportError: it is installed and fails to import. Says why.
    """
    purpose, command = EXTRAS[extra], f'pip install "duchenne[{extra}]"'
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    # Not only ImportError: a missing shared library is an OSError with some packages,
    # with XGBoost an error of its own.
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == package:
            raise ModuleNotFoundError(
                f"The package {package} is not installed, and is needed for {purpose}. "
                f"Install it with: {command}",
                name=package,
            ) from None
        raise ImportError(
            f"The package {package} is installed, but {module} could not be imported "
            f"({type(error).__name__}: {error}). It is needed for {purpose}; versions "
            f"that work are installed with: {command}",
            name=module,
        ) from error
