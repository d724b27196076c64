"""A newer opset for a model whose own is too old for an encoding, through onnx's version converter."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

from lightweight_cli.errors import printable
from lightweight_cli.model.opsets import domain_of, versions_of
from lightweight_cli.model.scopes import subgraphs
from lightweight_cli.runtime.confined import killed_in_the_end
from lightweight_cli.runtime.import_path import import_path
from lightweight_cli.runtime.patience import communicate

if TYPE_CHECKING:
    from onnx import ModelProto

    from lightweight_cli.model.model import Model

TIME_LIMIT = 60.0
"""Seconds for a conversion: it reads no weights, and takes 0.1 s for a thousand nodes."""
BOOT = "import sys; sys.path[:] = sys.argv[2:]; from lightweight_cli.runtime.opset_child import main; main(int(sys.argv[1]))"

OLDEST = 7
"""Below, broadcasting was an attribute, which the converter leaves to shapes that are not always known."""


def version(proto: ModelProto) -> int:
    """Return the model's opset of ai.onnx."""
    return versions_of(proto.opset_import).get("", 1)


def raise_opset(model: Model, minimum: int, note: Callable[[str], None], what: str = "smaller encodings") -> bool:
    """Convert a model to the opset `minimum`, which `what` needs, if its own is older; weights stay where they are.

    The interface stays what it is, inputs and outputs to the letter, and outputs' inferred shapes must not change.
    Where the model can't be converted it is left alone, and `note` is told why.

    Returns: whether the model's opset is now `minimum` or newer.
    """
    was = version(model.proto)
    if was >= minimum:
        return True
    reason = unfit(model.proto) or convert(model, minimum)
    if reason:
        note(f"opset {was} stays, though {minimum} would allow {what}: {reason}")
        return False
    note(f"opset {was} became {minimum}: {what} need it")
    return True


def unfit(proto: ModelProto) -> str:
    """Return why the converter must not touch a model, or nothing."""
    foreign = next((n for n in proto.graph.node if n.domain not in ("", "ai.onnx")), None)
    if version(proto) < OLDEST:
        return f"only opset {OLDEST} and newer are converted"
    if sum(domain_of(o.domain) == "" for o in proto.opset_import) > 1:
        return "it imports ai.onnx more than once"
    if proto.functions:
        return "it has functions of its own"
    if foreign is not None:
        return f"it uses {printable(foreign.op_type)} of {printable(foreign.domain)}"
    if next(subgraphs(proto.graph), None) is not None:
        return "it has subgraphs"
    if proto.training_info or proto.graph.sparse_initializer or proto.graph.quantization_annotation:
        return "it has training information, sparse tensors or quantization annotations"
    return ""


def convert(model: Model, minimum: int) -> str:
    """Convert in a process of its own, where a hostile model does no harm. Returns: why not, or nothing."""
    command = [sys.executable, "-I", "-c", BOOT, str(minimum), *import_path()]
    with tempfile.TemporaryFile(prefix="lwc-") as given:
        given.write(model.serialized())
        given.seek(0)
        child = subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    with killed_in_the_end(child):
        said = communicate(child, TIME_LIMIT)
        if said is None:
            return f"onnx's converter was not done after {TIME_LIMIT:.0f} s"
    if child.returncode or said[:1] != b"+":
        return printable(said[1:].decode("utf-8", "replace")) if said[:1] == b"-" else "onnx's converter crashed"
    model.proto.ParseFromString(said[1:])
    return ""
