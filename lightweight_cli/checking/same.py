"""Whether two models give the same outputs, up to the rounding that another order of sums explains."""

from __future__ import annotations

import math

from lightweight_cli.checking.accuracy import Accuracy, OutputFidelity

SAME = {"tensor(float16)": 50.0, "tensor(bfloat16)": 35.0}
SAME_FLOAT = 90.0
"""dB of SQNR from which outputs differ by rounding only: about the 2^-15 that sums in another order cost."""


def first_difference(accuracy: Accuracy) -> OutputFidelity | None:
    """Return the first output that is not the same; None: all are, or values were not compared."""
    if accuracy.unverified is not None or not accuracy.deterministic:
        return None
    return next((o for o in accuracy.outputs if not is_same(o)), None)


def is_same(output: OutputFidelity) -> bool:
    """Whether floats differ by rounding only, and all else not at all."""
    if output.note is not None or output.strayed:
        return False
    if output.sqnr is None:
        return output.agreement is None or output.agreement == 1.0
    return output.sqnr >= SAME.get(output.type, SAME_FLOAT) or (output.max_error == 0.0 and not math.isnan(output.sqnr))


def told(output: OutputFidelity) -> str:
    """Say how an output differs, in a few words."""
    if output.note is not None:
        return output.note
    if output.strayed:
        return f"{output.strayed:,} values that are not finite became others"
    if output.sqnr is None:
        return f"{output.agreement:.2%} of its values are equal"
    return f"{output.sqnr:.1f} dB, largest error {output.max_error:.3g}"
