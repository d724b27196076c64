"""The error of whoever asks for a constant that is none: apart from constants, for steps that compute none."""

from __future__ import annotations

from lightweight_cli.errors import InputError


class NotConstant(InputError):
    """A name whose value depends on the model's inputs, or on an operator not computed here; says which."""
