"""onnxruntime's own optimisation, at BASIC, kept where it makes the file better and nothing else.

BASIC is the level whose result any runtime can run: constants computed, nodes fused into standard operators.
"""

from __future__ import annotations

import os
import tempfile
from typing import NamedTuple

from lightweight_cli.checking.judge import Check, judge
from lightweight_cli.checking.same import first_difference, told
from lightweight_cli.errors import LwcError, printable
from lightweight_cli.model.load import load
from lightweight_cli.model.model import Model
from lightweight_cli.model.output_external import single_pieces
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.passes.dedupe.equal import merge
from lightweight_cli.passes.fold.interface import count_nodes, restore, unfit
from lightweight_cli.passes.strip.unused import remove
from lightweight_cli.pipeline.context import Context
from lightweight_cli.pipeline.step_report import StepReport
from lightweight_cli.runtime.optimise import optimise

WITHOUT_FOLDING = "ConstantFolding"
"""Switched off where computing constants makes the file larger: the fusions may still gain."""
ROUNDS = 4
"""Most runs of the optimiser: one may leave to the next what it made possible."""


class Refusal(NamedTuple):
    """Why a result is no gain; `larger`: for its size."""

    reason: str
    larger: bool = False


def fold_offline(context: Context) -> int:
    """Let onnxruntime optimise the model and keep the result if it has fewer nodes at no more bytes.

    Returns: nodes saved; 0 where the model stays as it is.
    """
    model = context.model
    refused = unfit(model.proto)
    if refused is None:
        with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
            source = write_into(model, folder, "original")
            best = _best(model, source, folder)
            refused = best.reason if isinstance(best, Refusal) else _different(source, write_into(best, folder, "result"))
        if isinstance(best, Model) and refused is None:
            saved = count_nodes(model.proto) - count_nodes(best.proto)
            context.step.note(f"{saved:,} nodes and {_size(model) - _size(best):,} bytes saved")
            model.adopt(best)
            return saved
    context.step.note(f"not folded: {refused}")
    return 0


def _best(model: Model, source: str, folder: str) -> Model | Refusal:
    """Optimise until nothing is gained any more. Returns: the result, or why there is none."""
    best: Model | Refusal = Refusal("")
    for number in range(ROUNDS):
        at, path = (best, write_into(best, folder, f"round{number}")) if isinstance(best, Model) else (model, source)
        result = first = _attempt(at, path, os.path.join(folder, f"{number}"), "")
        if isinstance(first, Refusal) and first.larger:
            result = _attempt(at, path, os.path.join(folder, f"{number}-fused"), WITHOUT_FOLDING)
        if isinstance(result, Refusal):
            return best if isinstance(best, Model) else first
        best = result
    return best


def _attempt(model: Model, source: str, folder: str, disabled: str) -> Model | Refusal:
    """Return the optimised model, or why it is no gain."""
    os.mkdir(folder)
    target = os.path.join(folder, "optimised.onnx")
    failure = optimise(source, target, disabled, _size(model))
    if failure is not None:
        return Refusal(failure)
    try:
        result = load(target)
    except LwcError as error:
        return Refusal(f"onnxruntime's result can't be read: {error}")
    failure = restore(model.proto, result.proto)
    if failure is not None:
        return Refusal(f"onnxruntime's result can't be used: {failure}")
    within = Context(result, StepReport(""))
    remove(within, keep_doc=True, metadata=False)
    merge(within)
    if count_nodes(result.proto) >= count_nodes(model.proto):
        return Refusal("onnxruntime finds no nodes to save")
    before, after = _size(model), _size(result)
    if after > before:
        return Refusal(f"it would make the file larger: {after:,} bytes, {before:,} now", larger=True)
    return result


def _different(source: str, candidate: str) -> str | None:
    """Run both models on synthetic inputs. Returns: what differs beyond rounding, if anything."""
    try:
        accuracy = judge(source, candidate, Check(latency=False, load=False, budget=None))  # the same inputs on any machine
    except LwcError as error:
        return str(error)
    worst = first_difference(accuracy)
    return None if worst is None else f'output "{printable(worst.name)}" would change by more than rounding ({told(worst)})'


def _size(model: Model) -> int:
    """Return the bytes of the model as one file."""
    return single_pieces(model)[1]
