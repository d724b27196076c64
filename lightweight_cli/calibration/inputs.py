"""What a calibration runs on: the user's data, or synthetic inputs and others to judge by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lightweight_cli.data.batches import Batches
from lightweight_cli.data.portion import Portion, open_portion, received
from lightweight_cli.errors import InputError
from lightweight_cli.runtime.declared import declared

if TYPE_CHECKING:
    from onnx import ModelProto

    from lightweight_cli.runtime.child import Progress


DATA = 4
"""The part of the memory that a reader's data may take: a quarter."""


def asked_for(request: Mapping[str, Any], proto: ModelProto, tell: Progress) -> tuple[Batches, Batches | None]:
    """Return the batches that a request of a conversation means, for the model that it names. Raises: InputError."""
    tell("data", 0, None)
    return opened(received(request["portion"]), request["model"], proto, request["batch_size"], request["memory"] // DATA,
                  request["threads"], lambda: tell("layers", 0, None))


def opened(portion: Portion, path: str, proto: ModelProto, batch_size: int | None, memory: int, threads: int,
           tell: Callable[[], None]) -> tuple[Batches, Batches | None]:
    """Return the batches that calibrate the model at `path`, and those that judge where all are synthetic. Raises: InputError."""
    if portion.paths:
        return open_portion(portion, declared(proto), batch_size=batch_size, memory=memory), None
    from lightweight_cli.data.synthetic.calibrating import halves
    from lightweight_cli.data.synthetic.search import synthetic_batches
    from lightweight_cli.model.skeleton import read_skeleton
    from lightweight_cli.runtime.sessions import interface, open_session, reason

    try:
        session = open_session(path, threads=threads)
    except Exception as e:  # onnxruntime's exceptions have no common base
        raise InputError(f"onnxruntime can't load it: {reason(e)}") from e
    found = synthetic_batches(session, interface(session), read_skeleton(path), portion.seed, tell, path=path)
    if isinstance(found, str):
        raise InputError(found)
    return halves(found, portion.samples)
