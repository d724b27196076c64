"""What a calibration runs on: the user's data, or synthetic inputs and others to judge by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lightweight_cli.data.batches import Batches
from lightweight_cli.data.portion import Portion, open_portion
from lightweight_cli.errors import InputError
from lightweight_cli.runtime.declared import declared

if TYPE_CHECKING:
    from onnx import ModelProto


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
