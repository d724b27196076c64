"""quantize --for speed and --for memory: layers that compute in integers; the rest is stored, or stays float: see remaining."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lightweight_cli.compute import nbits, plan
from lightweight_cli.compute.apply import FORMS, apply, needed
from lightweight_cli.compute.arch import ARCHS, here
from lightweight_cli.compute.layer import layers_of
from lightweight_cli.compute.menu import menu
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.passes.quantize.deciding import Computing, decided
from lightweight_cli.passes.quantize.fitting import second_order
from lightweight_cli.runtime.opset import raise_opset
from lightweight_cli.weights.told import Told

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.pipeline.step_report import StepReport
    from lightweight_cli.weights.weight import Key


def compute(context: Context, options: Computing) -> set[str]:
    """Put layers of a model into integers. Returns: the names of the tensors that they compute with."""
    step, known = context.step, plan.read(options.plan) if options.plan else None
    place = context.target
    arch = ARCHS[options.arch] if options.arch else here()
    elsewhere = place is not None and place.evidence == "documents"
    reduced = known.reduced if known else options.reduced or (arch.reduced and not elsewhere)
    asked = options.asked._replace(calibrated=known is not None or bool(context.portion and context.portion.paths)).at(place)
    forms = {name for kind in ("MatMul", "Gemm", "Conv") for name in asked.forms(kind)}
    raise_opset(context.model, max((FORMS[name].opset for name in forms), default=0), step.note, "integers")
    layers, reasons = layers_of(context.rewriter().weights)
    found, unfit = menu(layers, asked)
    told(step, reasons | dict(unfit))
    costs: dict[Key, float] = {}
    if known is not None and options.plan:
        fits = {layer.key: layer for forms_ in found.values() for _, some in forms_ for layer in some}
        plan.refuse_missing(known, fits, needed(context.model, known.forms), options.plan)
        decisions, seen = known.forms, known.seen
        if known.rounded:
            with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
                path = write_into(context.model, folder, "model")
                seen = second_order(context, path, decisions, reduced, seen) or seen
            if not seen.codes:
                step.note("codes of integers are the nearest: there are no calibration data, by which the plan's were found")
    else:
        decisions, costs, seen = decided(context, found, options, arch, reduced)
        if options.plan:
            plan.write(options.plan, plan.Plan(decisions, reduced, seen, bool(seen.codes)))
    if reduced and any(form not in nbits.NAMES.values() for form in decisions.values()):
        step.note("weights of 7 bits in integers: products of 8 bits overflow on processors without VNNI")
    step.exact = not reduced and here().reduced
    if step.exact and any(form not in nbits.NAMES.values() for form in decisions.values()):
        step.note("weights of 8 bits in integers, which overflow on this machine: the check adds them up exactly, as they are elsewhere")
    before = {weight.key: weight.stored_bytes() for layer in layers for weight, _ in layer.parts}
    computing, made = apply(context.model, decisions, reduced, seen)
    for layer in computing:
        form = decisions[layer.key]
        alone = f"; alone {costs[layer.key]:.1f} dB" if layer.key in costs else ""
        bits = 4 if form == nbits.NAMES[4] else 7 if reduced and form not in nbits.NAMES.values() else 8
        for weight, view in layer.parts:
            groups, outputs, inputs = view.shape
            after = groups * outputs * (inputs * (4 if bits == 4 else 8) // 8 + 4)
            step.done(weight.name, weight.op, weight.shape, form, before[weight.key], after, 1,
                      f"{form}, computed in integers", told=Told(bits, f"{form}{', second order' * (layer.key in seen.codes)}{alone}"))
    return made


def told(step: StepReport, reasons: Mapping[int, str]) -> None:
    """Note why weights are not computed in integers."""
    for reason, count in Counter(reasons.values()).most_common():
        step.note(f"not in integers: {count} x {reason}")
