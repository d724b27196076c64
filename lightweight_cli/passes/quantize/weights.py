"""Which weights are quantized, to how many bits and by which method; and all of them handed to the rewriter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from lightweight_cli.encodings import choose, later, recognise
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.passes.quantize.fineness import block_size
from lightweight_cli.passes.quantize.form import Form
from lightweight_cli.passes.quantize.nearest import quantized
from lightweight_cli.passes.quantize.result import CLIPPED, NEAREST, Result
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.smallest import smallest
from lightweight_cli.weights.told import Told
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.pipeline.step_report import StepReport
    from lightweight_cli.weights.rewrite import Rewriter

KEEP = {8: 0.002}
FEW = 0.05
"""Share of the weights that get 8 bits where the others get fewer, the smallest first: first layers and depthwise kernels are among
the most sensitive, and among the smallest. At 8 bits they stay float, a few: each takes four bytes for one."""


def quantize_weights(context: Context, form: Form, method: str, keep: float | None, time_limit: float | None = None,
                     stays: Callable[[Rewriter, Weight], str] = lambda rewriter, weight: "") -> int:
    """Quantize every weight that gets smaller by it; `stays` says why one is not to be, or nothing. Returns: weights quantized."""
    rewriter = context.rewriter()
    keep = KEEP.get(form.bits, FEW) if keep is None else keep
    second = method == "gptq" or (method == "auto" and form.bits < 8)
    small = smallest(rewriter.weights, keep)
    if form.bits == 8 and form.granularity == "block" and form.block_size is None and form.grid == "uniform":
        wanted = [w for w in rewriter.weights if not w.locked and not unfit(w, form)]
        form = form._replace(block_size=block_size(wanted, small, form))
    context.step.settle(keep=keep, block_size=form.block, method="gptq" if second else "mse" if method == "mse" else "nearest",
                        bits=form.bits if form.levels is None else None)
    reasons: dict[int, str] = {}
    for weight in rewriter.weights:
        kept = f"is among the smallest (--keep {keep:g})" if id(weight) in small and form.bits == 8 else ""
        reasons[id(weight)] = stays(rewriter, weight) or kept or unfit(weight, form)
    eight = form._replace(bits=8, block_size=None, grid="uniform", levels=None)

    def form_of(weight: Weight) -> Form:
        return eight if id(weight) in small and form.bits < 8 else form

    def nearest(weight: Weight) -> Coded:
        of = form_of(weight)
        if of is form and (method == "mse" or form.levels is not None or form.grid == "codebook"):
            from lightweight_cli.passes.quantize.plain import plain

            return plain(context.model, weight, form, method == "mse")
        return quantized(context.model, weight, of.groups(weight), of.bits, of.symmetric)

    if second:
        from lightweight_cli.passes.quantize.layers import Layers

        wanted = [w for w in rewriter.weights if not w.locked and not reasons[id(w)]]
        data = context.calibration() is not None  # then the smallest take up the errors of the layers before them, as others do
        layers = Layers(context, {id(w): form_of(w) for w in wanted if data or id(w) not in small}, nearest, time_limit)
        found = layers.coded(wanted)

    some = later.for_codes if rewriter.is_tight(later.LEAST) else later.all_for_codes

    def plan(weight: Weight) -> Plan:
        if reasons[id(weight)]:
            return Plan(weight, reason=reasons[id(weight)])
        try:
            how = CLIPPED if method == "mse" and form_of(weight) is form else NEAREST
            result = found[id(weight)] if second else Result(nearest(weight), how)
        except ValueError as e:
            result = str(e)
        if isinstance(result, str):
            return Plan(weight, reason=result)
        options, further = some(lambda label: rewriter.emission(weight, label), result.coded, weight.name, context.limits)
        return Plan(weight, options, reason=choose.NO_LAYOUT, shift=result.shift, waits=True, further=further,
                    told=Told(form_of(weight).told, result.method, result.error))

    rewriter.run(plan)
    if second and context.step.weights:
        tell_methods(context.step)
    return context.step.changed


def tell_methods(step: StepReport) -> None:
    """Note how many weights got their codes in which way, and whether data had a say."""
    if step.calibrated is None:
        step.note("calibrated without data")
    counts = Counter(w.method for w in step.weights)
    step.note(", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items())))


def unfit(weight: Weight, form: Form) -> str:
    """Return why a weight can't be replaced by decoding nodes, or nothing."""
    reason = choose.unfit(weight.size, weight.numpy.itemsize, weight.scope.opset)
    if not reason and weight.encoded:
        stored = recognise.coded(weight)
        if stored is not None and stored.count <= form.codes:
            return f"is stored in {form.bits} bits or fewer already"
    return reason
