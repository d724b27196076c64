"""onnxruntime sessions on the CPU, and the public interface they report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from lightweight_cli.errors import printable
from lightweight_cli.runtime.level import LEVELS, Level
from lightweight_cli.runtime.ort_format import is_ort
from lightweight_cli.runtime.threads import THREADS

if TYPE_CHECKING:
    import numpy as np
    from onnxruntime import InferenceSession

Dim: TypeAlias = "int | str | None"
REASON_LENGTH = 240
LONGEST = 4000
"""Characters of an exception's text that are looked at: names in a model can be megabytes long."""


class Port(NamedTuple):
    """An input or output: an empty shape is a scalar, or a rank that is not declared."""

    name: str
    type: str
    shape: tuple[Dim, ...]

    def __str__(self) -> str:
        dims = ", ".join("?" if d is None else str(d) for d in self.shape)
        return f"{printable(self.type)} [{printable(dims)}]"


class Interface(NamedTuple):
    """What a caller of the model sees, in order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    overridable: tuple[Port, ...]
    """Initializers that are also graph inputs: a caller may feed them."""


def open_session(model: str | bytes, *, threads: int = THREADS, level: Level = "all",
                 initializers: Mapping[str, np.ndarray] | None = None, integers: bool = True, exact: bool = False) -> InferenceSession:
    """Open a model, a file's path or its bytes, for the CPU, without spinning threads and without log output.

    `initializers`: values of those that the model declares as external; they are not copied. `integers`: products with
    dequantized weights may round the activations to 8 bits, as onnxruntime does. `exact`: products of integers of 8 bits don't
    overflow on processors without VNNI, and take longer there.
    Raises: onnxruntime's own exceptions; `reason` puts them into one line.
    """
    import onnxruntime as ort

    ort.set_default_logger_severity(4)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, LEVELS[level])
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if isinstance(model, str) and is_ort(model):  # which it else knows by the file's name
        options.add_session_config_entry("session.load_model_format", "ORT")
    if exact:
        options.add_session_config_entry("session.x64quantprecision", "1")
    if not integers:
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    if initializers:
        options.add_external_initializers(list(initializers), [ort.OrtValue.ortvalue_from_numpy(a) for a in initializers.values()])
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def interface(session: InferenceSession) -> Interface:
    """Return names, types and shapes as onnxruntime reports them."""
    def ports(args: Sequence) -> tuple[Port, ...]:
        return tuple(Port(a.name, a.type, tuple(a.shape or ())) for a in args)

    return Interface(ports(session.get_inputs()), ports(session.get_outputs()),
                     ports(session.get_overridable_initializers()))


def interface_difference(a: Interface, b: Interface, shapes: bool = True) -> str | None:
    """Return the first difference of interface `b` from `a` in one line; None: they are equal, without `shapes` but for those."""
    for kind, old, new in zip(("input", "output", "overridable input"), a, b, strict=True):
        names, others = [p.name for p in old], [p.name for p in new]
        if names != others:
            if sorted(names) == sorted(others):
                return f"the {kind}s are in another order: {_listed(names)} became {_listed(others)}"
            gone, added = [n for n in names if n not in others], [n for n in others if n not in names]
            told = [f"{word} {_listed(some)}" for word, some in (("lost", gone), ("gained", added)) if some]
            return f"{kind}s {', '.join(told) or 'appear more than once'}"
        for was, now in zip(old, new, strict=True):
            if was.type != now.type or (shapes and was.shape != now.shape):
                return f'{kind} "{printable(was.name)}" was {was} and became {now}'
    return None


def _listed(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(f'"{printable(n)}"' for n in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def reason(error: BaseException) -> str:
    """Return what onnxruntime complains of, in one line without its prefixes and source paths."""
    text = " ".join(str(error)[:LONGEST].split())
    text = re.sub(r"\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ", "", text)
    text = re.sub(r"^Load model from .*? failed: ?", "", text)
    text = re.sub(r"^Load model .*? failed\. ", "", text)
    text = re.sub(r"Non-zero status code returned while running (\S+) node\. Name:'(.*?)' Status Message: ",
                  lambda m: f"in {m[1]} node \"{m[2]}\": ", text)
    text = re.sub(r"\S*\.(?:h|cc|cpp):\d+ (?:[^()]*::[^()]*\(.*?\) (?:\[with .*?\] )?|\w+ )?", "", text)
    text = re.sub(r'\(("[^"]*", \w+), "[^"]*", -?\d+\) : .*?Error ', r"(\1): ", text)
    return printable(text or type(error).__name__, REASON_LENGTH)
