"""half --compute: operators that compute in float16, where constants and activations are within its range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from lightweight_cli.calibration.observing import Observer
from lightweight_cli.calibration.settings import Settings
from lightweight_cli.compute.edit import Edit
from lightweight_cli.compute.half import HALVES, SINGLES, narrowed
from lightweight_cli.compute.value_types import types_of
from lightweight_cli.errors import InputError
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.passes.half.rounding import MOST_SUBNORMAL, TYPES
from lightweight_cli.pipeline.step_report import Calibrated

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.context import Context

ROOM = 0.5
"""Of float16's range, within which what was seen must lie: other data may go further."""


def compute_in_singles(context: Context) -> int:
    """Let operators that compute in float64 do so in float32. Returns: how many."""
    model = context.model
    if TensorProto.DOUBLE not in types_of(Scopes(model.proto).main).values():
        return 0
    edit = Edit(model, Scopes(model.proto))
    largest = float(np.finfo(np.float32).max)

    def fits(tensor: TensorProto) -> bool:
        return all(np.abs(part).max(initial=0.0) <= largest for part in model.chunks(tensor))

    ours, others = narrowed(edit, SINGLES, fits, ())
    if ours:
        edit.commit()
        context.step.note(f"{ours} operators compute in float32 instead of float64, {others} stay")
    return ours


def compute_in_halves(context: Context) -> int:
    """Let operators compute in float16. Returns: how many."""
    model, step = context.model, context.step
    outside = _outside(context)
    edit = Edit(model, Scopes(model.proto))

    def fits(tensor: TensorProto) -> bool:
        return within(model, tensor)

    ours, others = narrowed(edit, HALVES, fits, outside)
    if not ours:
        step.note("no operator of the main graph can compute in float16")
        return 0
    edit.commit()
    if outside:
        step.note(f"{len(outside)} values were seen beyond half of float16's range: their operators stay in float32")
    step.note(f"{ours} operators compute in float16, {others} stay in float32")
    return ours


def within(model: Model, tensor: TensorProto) -> bool:
    """Whether a constant keeps its values in float16."""
    if tensor.data_type != TensorProto.FLOAT:
        return False
    half, small, nonzero = TYPES["float16"], 0, 0
    for part in model.chunks(tensor):
        magnitude = np.abs(part)
        if not magnitude.size or not magnitude.max() <= half.largest:  # NaN too
            return not magnitude.size
        zeros = int(np.count_nonzero(magnitude == 0))
        small += int(np.count_nonzero(magnitude < half.smallest_normal)) - zeros
        nonzero += magnitude.size - zeros
    return small <= MOST_SUBNORMAL * nonzero


def _outside(context: Context) -> set[str]:
    """Return the values that were seen beyond the range, where the model may be run."""
    model, portion = context.model, context.portion
    if portion is None:
        return set()
    main = Scopes(model.proto).main
    names = [n for n, kind in types_of(main).items() if kind == TensorProto.FLOAT and (n in main.producers or n in main.inputs)]
    try:
        with Observer(Settings(portion), model) as observer:
            found = observer.spreads(names)
            if portion.paths:
                context.step.calibrated = Calibrated(observer.samples, observer.of, portion.role == "calibrate")
    except InputError as e:
        if portion.paths:
            raise
        context.step.note(f"not run on synthetic inputs: {e}")
        return set()
    largest = ROOM * TYPES["float16"].largest
    return {name for name, spread in found.items() if max(-spread.low, spread.high) > largest}
