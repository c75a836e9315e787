"""Keras with a backend, or the command that installs one."""

try:
    import keras as keras
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"Keras cannot be imported, because there is no {error.name}. Install a "
        'backend with: pip install "duchenne[tensorflow]". Or set the environment '
        "variable KERAS_BACKEND to the one that is installed: tensorflow, jax or torch",
        name=error.name,
    ) from None
