"""Options of the check and the gates as a caller in Python gives them: the names of the command line, arrays allowed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lightweight_cli.errors import UsageError, did_you_mean, printable
from lightweight_cli.jobs.asked import checks
from lightweight_cli.jobs.flag import Flag, Given
from lightweight_cli.jobs.options import CHECK, GATES

FLAGS = {f.name: f for f in (*CHECK, *GATES)}


@contextlib.contextmanager
def asked(data: Any, labels: Any, options: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Give the Check and the Gates; arrays are files until the block ends. Raises: UsageError, InputError."""
    from lightweight_cli.data.written import written

    given: Given = {name: flag.default for name, flag in FLAGS.items()}
    for name, value in options.items():
        if name not in FLAGS:
            raise UsageError(f"option {printable(name)!r} is unknown{did_you_mean(name, FLAGS)}; known: {', '.join(FLAGS)}")
        if value is not None:
            given[name] = _typed(FLAGS[name], value)
    with contextlib.ExitStack() as files:
        given["data"] = [] if data is None else list(files.enter_context(written(data)))
        if labels is not None and not isinstance(labels, (str, os.PathLike)):
            folder = files.enter_context(tempfile.TemporaryDirectory(prefix="lwc-"))
            array, labels = np.asarray(labels), os.path.join(folder, "labels.npy")
            if array.dtype.kind not in "biufUS":
                raise UsageError(f"labels are {array.dtype.name}; they must be numbers or text")
            np.save(labels, array)
        given["labels"] = None if labels is None else os.fspath(labels)
        yield checks(given)


def _typed(flag: Flag, value: Any) -> Any:
    """Return a value as the command line would have given it. Raises: UsageError."""
    try:
        if flag.kind is int and not float(value).is_integer():
            raise ValueError
        return flag.kind(value)
    except (TypeError, ValueError):
        what = "a whole number" if flag.kind is int else "a number"
        raise UsageError(f"{flag.name} {printable(value)}: must be {what}") from None
