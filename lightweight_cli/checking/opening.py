"""Both models as onnxruntime takes them: whether they load, have one interface, and were made one from the other."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lightweight_cli.errors import BrokenPromise, InputError
from lightweight_cli.model.provenance import SOURCE
from lightweight_cli.model.skeleton import read_skeleton
from lightweight_cli.runtime.level import Level
from lightweight_cli.runtime.sessions import Interface, interface, interface_difference, open_session, reason

if TYPE_CHECKING:
    import onnx
    from onnxruntime import InferenceSession


def open_model(path: str, error: type[InputError] | type[BrokenPromise], who: str, threads: int, level: Level,
               exact: bool) -> InferenceSession:
    """Return a session of a model; `error` where onnxruntime has none."""
    try:
        return open_session(path, threads=threads, level=level, exact=exact)
    except Exception as failure:  # onnxruntime's exceptions have no common base
        raise error(f"{who}: onnxruntime can't load it: {reason(failure)}") from failure


def skeleton_of(path: str) -> onnx.ModelProto | None:
    """Return the model without weights; None when only onnxruntime can read it (its own .ort format)."""
    try:
        return read_skeleton(path)
    except (OSError, ValueError):
        return None


def refuse_another_interface(model: Interface, session: InferenceSession, skeleton: onnx.ModelProto | None, candidate: str) -> None:
    """Refuse a candidate with another interface. Raises: BrokenPromise.

    Shapes may differ where both files state the same of every output: onnxruntime reports what it infers, and where a
    file states a wrong shape that depends on how far it gets.
    """
    other = interface(session)
    difference = interface_difference(model, other)
    if difference and not interface_difference(model, other, shapes=False) and skeleton is not None:
        mine = skeleton_of(candidate)
        if mine is not None and model.inputs == other.inputs and list(mine.graph.output) == list(skeleton.graph.output):
            return
    if difference:
        raise BrokenPromise(f"the result has another interface: {difference}")


def provenance_note(session: InferenceSession, reference: str, skeleton: onnx.ModelProto | None) -> str | None:
    """Return a note unless the candidate was made from the reference, or both from one model."""
    source = session.get_modelmeta().custom_metadata_map.get(SOURCE)
    if not source:
        return "no lwc provenance: the candidate does not name the model it was made from"
    if skeleton is not None and any(p.key == SOURCE and p.value == source for p in skeleton.metadata_props):
        return None
    digest = hashlib.sha256()
    with open(reference, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return None if source == digest.hexdigest() else "the candidate was made from another model than the reference"
