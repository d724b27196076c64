"""Whether a result does what its original does."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import onnx

from corpus.original import Original, ports
from lightweight_cli.runtime.sessions import open_session

SAME = 1e-5
"""Largest error of a lossless result, as a share of the output's largest value."""
ROUNDING = {"float16": 2e-3, "bfloat16": 2e-2}
"""The same for outputs in fewer bits, where sums in another order differ more."""


class Verdict(Enum):
    """What came of a model and a recipe."""

    EQUAL = "equal"
    UNVERIFIED = "unverified"
    REFUSED = "refused"
    WRONG = "wrong"
    INVALID = "invalid"
    CRASH = "crash"
    TIMEOUT = "timeout"
    LARGER = "larger"


MEANING = {
    Verdict.EQUAL: "the result loads, has the same inputs and outputs, and gives the same values (lossy: finite values)",
    Verdict.UNVERIFIED: "onnxruntime cannot run the original, or its values are random; the result reads as ONNX",
    Verdict.REFUSED: "an error of one line, no result",
    Verdict.WRONG: "other values, shapes, types or names",
    Verdict.INVALID: "onnxruntime cannot load or run the result",
    Verdict.CRASH: "lwc failed with a bug, or its process died",
    Verdict.TIMEOUT: "no result within the time limit",
    Verdict.LARGER: "the result is larger than the model",
}
BROKEN = (Verdict.WRONG, Verdict.INVALID, Verdict.CRASH, Verdict.TIMEOUT, Verdict.LARGER)
"""Verdicts of which none may occur."""


class Outcome(NamedTuple):
    """A verdict and what is behind it."""

    verdict: Verdict
    detail: str = ""


def compare(original: Original, result: str, lossy: bool) -> Outcome:
    """Judge the model file `result`, made from `original`."""
    if not original.runs:
        try:
            onnx.load(result, load_external_data=False)
        except Exception as error:
            return Outcome(Verdict.INVALID, f"is not ONNX: {error}")
        return Outcome(Verdict.UNVERIFIED, original.why_not)
    try:
        session = open_session(result, threads=1)
        if ports(session) != original.ports:
            return Outcome(Verdict.WRONG, f"inputs and outputs {original.ports} became {ports(session)}")
        outputs = session.run(None, original.feed)
    except Exception as error:
        return Outcome(Verdict.INVALID, str(error))
    pairs = zip(original.outputs, outputs, strict=True)
    wrong = next(filter(None, (difference(a, b, lossy or original.random) for a, b in pairs)), None)
    if wrong:
        return Outcome(Verdict.WRONG, wrong)
    return Outcome(Verdict.UNVERIFIED, "random operators") if original.random else Outcome(Verdict.EQUAL)


def difference(a: Any, b: Any, lossy: bool) -> str | None:
    """Return how the output `b` differs from the original's `a`, or None."""
    if isinstance(a, dict) and isinstance(b, dict):
        a, b = [*a, *a.values()], [*b, *b.values()]
    if isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            return None if lossy else f"{len(a)} members became {len(b)}"
        return next(filter(None, (difference(x, y, lossy) for x, y in zip(a, b, strict=True))), None)
    if a is None or b is None:
        return None if a is b else "a value came or went"
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype:
        return f"{a.dtype} became {b.dtype}"
    exact = a.dtype.kind not in "fcV" and a.dtype.name not in ROUNDING
    if a.shape != b.shape:
        return None if lossy and exact else f"shape {a.shape} became {b.shape}"
    if exact:
        return None if lossy or np.array_equal(a, b) else "integer, bool or string values differ"
    return of_floats(a, b, lossy)


def of_floats(a: np.ndarray, b: np.ndarray, lossy: bool) -> str | None:
    """Return how the floats `b` differ from `a`, or None."""
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    x, y = a.astype(wide), b.astype(wide)
    finite = np.isfinite(x)
    if not np.isfinite(y[finite]).all():
        return "not finite where the original is"
    if lossy or not finite.any():
        return None if lossy or np.array_equal(x, y, equal_nan=True) else "infinities differ"
    if not np.array_equal(x[~finite], y[~finite], equal_nan=True):
        return "infinities differ"
    with np.errstate(over="ignore"):
        error = float(np.abs(x[finite] - y[finite]).max() / max(np.abs(x[finite]).max(), 1e-6))
    return f"relative error {error:.1e}" if error > ROUNDING.get(a.dtype.name, SAME) else None
