"""Features that a user gives for sample scores: a function of theirs, a kept classifier, or
Inception-v3."""

import importlib
import os
from collections.abc import Callable

import numpy as np

from gan.errors import UserError
from gan.scores import classifier, inception
from gan.scores.space import Features

INCEPTION = "inception:"
"""What stands before a file of Inception-v3's weights."""


def load(text: str) -> Features:
    """The feature function that --features names.

    Args:
        text: "MODULE:FUNCTION", importable from here or the Python path, called with float32
            examples [n, *shape] in [-1, 1], some at a time; or a FILE.npz that
            gan.scores.classifier has kept, perhaps that of another data set of the same shape; or
            "inception:FILE" with weights that gan.scores.inception reads.

    Raises:
        UserError: if there is no such module, function or file.
    """
    if text.startswith(INCEPTION):
        return inception.load(text.removeprefix(INCEPTION))
    if text.endswith(".npz"):
        found = classifier.read(os.path.expanduser(text))

        def features(examples: np.ndarray) -> np.ndarray:
            if examples.shape[1:] != found.shape:
                raise UserError(
                    f"{text} reads examples of shape {found.shape}, not {examples.shape[1:]}"
                )
            return found.features(examples)

        return Features(features, found.description)
    function = imported(text, "--features", f"MODULE:FUNCTION, FILE.npz or {INCEPTION}FILE")

    def guarded(examples: np.ndarray) -> np.ndarray:
        try:
            return function(examples)
        except Exception as error:  # whatever the user's function raises
            raise UserError(f"--features {text}: {type(error).__name__}: {error}") from error

    return Features(guarded, f"given function {text}")


def imported(text: str, flag: str, allowed: str = "MODULE:FUNCTION") -> Callable:
    """The function "MODULE:FUNCTION", importable from here or the Python path.

    Args:
        text: of the flag.
        flag: how an error calls it.
        allowed: what the flag may be.

    Raises:
        UserError: if there is no such module or function.
    """
    module, colon, name = text.partition(":")
    if not (module and colon and name):
        raise UserError(f"{flag} must be {allowed}, got {text!r}")
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever the user's module raises
        raise UserError(f"{flag} {text}: {type(error).__name__}: {error}") from error
    if not callable(function):
        raise UserError(f"{flag} {text}: {name} is a {type(function).__name__}, not a function")
    return function
