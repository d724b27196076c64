"""Batches from a user's own Python file: module.py:reader."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from typing import Any

from lightweight_cli.errors import InputError, printable


def read_module(file: str, name: str) -> Iterable[Any]:
    """Run the Python file and return what its `name` gives: an iterable, or a function that returns one.

    The file is loaded from its path; nothing else is imported from its folder.
    Raises: InputError when it fails, or has no such name.
    """
    where = printable(f"{file}:{name}")
    spec = importlib.util.spec_from_file_location("lwc_reader", os.path.abspath(file))
    if spec is None or spec.loader is None:
        raise InputError(f"{where}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        if not hasattr(module, name):
            raise InputError(f'{where}: the file defines no "{printable(name)}"')
        reader = getattr(module, name)
        feeds = reader() if callable(reader) else reader
        iterator = iter(feeds)
    except InputError:
        raise
    except Exception as error:
        raise _failed(where, error) from error
    return _guarded(iterator, where)


def _guarded(iterator: Iterable[Any], where: str) -> Iterable[Any]:
    try:
        yield from iterator
    except Exception as error:
        raise _failed(where, error) from error


def _failed(where: str, error: Exception) -> InputError:
    return InputError(f"{where}: {type(error).__name__}: {printable(' '.join(str(error).split()), 120)}")
