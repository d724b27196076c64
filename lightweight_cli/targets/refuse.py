"""What a target does not take, told before the work."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from lightweight_cli.errors import GateError, UsageError, printable
from lightweight_cli.targets.operators import Used
from lightweight_cli.targets.target import Target

BYTE = 8
"""Bits of quantize where it is not told."""


def refuse_steps(target: Target, steps: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Refuse passes that make no sense for a target. Raises: UsageError, which says what to take instead."""
    for name, options in steps:
        form = target.formats.get(options.get("format", ""))
        if form is not None:
            raise UsageError(f"--target {target}: {name} --format {options['format']}: {form.why}; take {form.instead}")
        refusal = target.passes.get(name)
        if refusal is not None and not refusal.unless(options):
            raise UsageError(f"--target {target.name}: {name} gains nothing there, {refusal.why}; "
                             f"take {refusal.instead}")
        operator = f"MatMulNBits {options.get('bits') or BYTE} bit"
        if options.get("format") == "nbits" and operator in target.lacks:
            raise UsageError(f"--target {target}: {name} --format nbits needs {operator}, which it does not have; take --format qdq")


def refuse_model(target: Target, shown: str, ir: int, opset: int, operators: Collection[Used]) -> None:
    """Refuse a model that a target does not take. Raises: GateError."""
    complaints = not_taken(target, ir, opset, operators)
    if complaints:
        raise GateError(f"--target {target}: {shown} has {complaints[0]}; no model was written")


def not_taken(target: Target, ir: int, opset: int, operators: Collection[Used]) -> list[str]:
    """Return what of a model a target does not take, in words: "opset 21, and it takes up to 20"."""
    found = []
    if target.opset is not None and opset > target.opset:
        found.append(f"opset {opset}, and it takes up to {target.opset}: export the model with that")
    if target.ir is not None and ir > target.ir:
        found.append(f"IR version {ir}, and it takes up to {target.ir}: export the model with that")
    if target.domains is not None:
        others = sorted({o.domain for o in operators if o.domain and o.domain not in target.domains})
        if others:
            found.append(f"operators of {', '.join(map(printable, others))}, which it does not know")
    missing = sorted({o.name for o in operators if o.name in target.lacks})
    if missing:
        found.append(f"operators that it does not have: {', '.join(missing)}")
    return found
