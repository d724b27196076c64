"""The step as a whole: which weights are searched, with which data and goal; what was found is stored and told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.checking.check import Check
from lightweight_cli.data.portion import Portion
from lightweight_cli.encodings import choose
from lightweight_cli.encodings.summed import Summed
from lightweight_cli.errors import InputError
from lightweight_cli.model.output_external import single_pieces
from lightweight_cli.model.provenance import signature
from lightweight_cli.passes.compress import beside, terse
from lightweight_cli.passes.compress.goal import read_item, read_target
from lightweight_cli.passes.compress.planned import planned
from lightweight_cli.passes.compress.searched import searched
from lightweight_cli.passes.compress.storing import coded
from lightweight_cli.passes.compress.unmeasured import unmeasured
from lightweight_cli.passes.pack import values as exact_values
from lightweight_cli.passes.pack.smallest import exact_forms
from lightweight_cli.passes.quantize.remaining import Why
from lightweight_cli.pipeline.wanted import divided
from lightweight_cli.search.items import HALF, KEEP, UNCODED, WIDE, Item
from lightweight_cli.search.layer import LEAST, Layer, layers_of
from lightweight_cli.search.loading import MOST, Room
from lightweight_cli.search.pieces import LONGER, Piece
from lightweight_cli.search.rounding import Rounded
from lightweight_cli.weights.at_load import at_load
from lightweight_cli.weights.choosing import SPLITS
from lightweight_cli.weights.load_budget import Form
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.told import Told
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.weights.emission import Emission
    from lightweight_cli.weights.rewrite import Rewriter

SIGNATURE = "compress"
"""What the provenance says of this step."""
SMALL = f"has fewer than {LEAST} values"


def compress_weights(context: Context, target: str | None, time_limit: float | None, items: Sequence[str], firm: bool,
                     nearest: bool, stays: Why | None = None, made: Collection[str] = (), original: str | None = None) -> int:
    """Compress every weight that may change. Returns: weights compressed.

    `stays` says why a weight is not to be; `made`: tensors that layers compute with; `original`: the path of the model to hold
    results against, where the context's was changed since.
    """
    rewriter, step = context.rewriter(), context.step
    step.signed = SIGNATURE
    reasons = {id(w): (stays(rewriter, w) if stays else "") or unfit(w) for w in rewriter.weights}
    layers = layers_of([w for w in rewriter.weights if not w.locked and not reasons[id(w)]])
    if not layers:
        return rewriter.run(lambda w: Plan(w, reason=reasons[id(w)]))
    portion, room = context.portion or Portion(()), room_of(rewriter, layers)
    most = read_target(target, "compress: --target-size", context.model.total_size) if target else None
    small = {id(w) for w in rewriter.weights if reasons[id(w)] == SMALL and not w.locked}
    rewriter.weights = [w for w in rewriter.weights if id(w) not in small]
    known = {w.key for w in rewriter.weights} | {(0, name) for name in made}
    gains = beside.gains(context, known)
    rest = written(context) - sum(layer.weight.stored_bytes() for layer in layers) - sum(gains.values()) + LONGER * len(gains)
    if context.wanted is None and context.portion is not None:  # from Python: calibration data alone, divided as for a search
        portion = divided(portion.paths, Check(seed=portion.seed), portion.samples, portion.memory)[0]
    given = dict(read_item(i, "compress: --item") for i in items)
    kept = [name for name, item in given.items() if item == KEEP and name in gains]
    if items:
        found = planned(context, layers, {name: item for name, item in given.items() if name not in kept}, portion, firm, nearest)
    elif context.portion is None:
        step.note("chosen without running the model")
        found = unmeasured(context, layers, rest, most, room)
    else:
        try:
            store = partial(piece, context, rewriter)
            found = searched(context, layers, portion, rest, most, time_limit, store, original, room, rewriter.bundle_of)
        except InputError as e:
            if portion.paths:
                raise
            step.note(f"not run on synthetic inputs: {e}")
            found = unmeasured(context, layers, rest, most, room)
    new = {id(layer.weight): (layer, item, r) for layer, (item, r) in zip(layers, found, strict=True)}

    def plan(weight: Weight) -> Plan:
        if reasons[id(weight)]:
            return Plan(weight, reason=reasons[id(weight)])
        layer, item, rounded = new[id(weight)]
        old = layer.bias_values()
        shift = None if rounded.bias is None or old is None else rounded.bias.astype(np.float64) - old
        return Plan(weight, options_for(context, rewriter, layer, rounded), reason=choose.NO_LAYOUT, anew=True, shift=shift,
                    told=Told(round(8 * rounded.nbytes / weight.size, 2), chosen_by(item, rounded), rounded.error))

    remaining = beside.remaining(context)
    rewriter.run(plan, rest=False)
    if most is not None and not items and not rewriter.by_rows:  # of tables that are decoded by rows nodes are still to come
        kept = beside.spared(gains, most - written(context) + sum(gains.values()))
    beside.narrow(context, known, gains.keys() - set(kept))
    while most is not None and kept and not items and (excess := written(context) - most) > 0:
        fewer = beside.spared({name: gains[name] for name in kept}, sum(gains[name] for name in kept) - excess)
        beside.narrow(context, known, set(kept) - set(fewer))
        kept = fewer
    beside.leave(context, known, gains)
    for one in remaining:
        step.leave(*one)
    terse.shorten(context.model.proto)
    best = next((measured for measured in step.front if measured.kept), None)
    how = {"firm": firm or (best is not None and best.firm), "nearest": nearest or (best is not None and best.nearest)}
    step.plan = {**{name: True for name, so in how.items() if so},
                 "item": [*(f"{layer.key}={item}" for layer, item, _ in new.values()), *(f"{name}={KEEP}" for name in kept)]}
    return step.changed


def written(context: Context) -> int:
    """Return the bytes of the file, as the model stands."""
    return single_pieces(context.model)[1] + signature(context.model, SIGNATURE) - terse.saved(context.model.proto)


def room_of(rewriter: Rewriter, layers: Sequence[Layer]) -> Room | None:
    """Return what decoding all layers may take at load, and tell the layers; None where that is enough for whatever they become."""
    room = rewriter.load_room([layer.weight for layer in layers])
    if room >= MOST * sum(layer.weight.size for layer in layers):
        return None
    for layer in layers:
        layer.scarce, layer.by_rows = True, id(layer.weight) in rewriter.by_rows
    return Room(room, rewriter.budget.worth)


def piece(context: Context, rewriter: Rewriter, layer: Layer, new: Rounded) -> Piece:
    """Return what a candidate's layer will take in the file, and the tables and shapes that it may share."""
    options, limit = options_for(context, rewriter, layer, new), rewriter.limit(layer.weight)

    def smallest(among: Iterable[Emission]) -> Piece:
        few = sorted((e for e in among if e.nbytes < limit), key=lambda e: e.nbytes)
        if not few:
            return Piece(limit)
        best, common = few[0], terse.common_bytes(few[0])
        menu = [Form(i, e.nbytes, at_load(layer.weight, layer.by_rows, e)) for i, e in enumerate(few)] if layer.scarce else ()
        form = Plan(layer.weight, taken=best) if best.codes is not None and id(layer.weight) in rewriter.small else None
        own = best.nbytes - sum(best.common_bytes().values())
        return Piece(own, {**common, **best.shared_bytes()}, menu=menu, names=best.named, form=form)

    found = smallest(options)
    return found._replace(unsplit=smallest(e for e in options if SPLITS not in e.shared_bytes())) if SPLITS in found.shared else found


def options_for(context: Context, rewriter: Rewriter, layer: Layer, new: Rounded) -> list[Emission]:
    """Return the ways to store a layer's new values."""
    make = partial(rewriter.emission, layer.weight)
    if new.item == KEEP:
        return exact_forms(context.model, make, exact_values.of(layer.weight), layer.name, context.limits)
    if new.item == HALF:
        return beside.stored(rewriter, layer.weight)
    codes = coded(context.model, layer, new)
    if isinstance(codes, Summed):
        return choose.for_sums(make, codes, layer.name, context.limits)
    return choose.for_codes(make, codes, layer.name, context.limits)


def chosen_by(item: Item, rounded: Rounded) -> str:
    """Return in words what a weight became."""
    if item in UNCODED:
        return "float16" if item == HALF else "as it is"
    zeros = 1 - np.count_nonzero(rounded.codes) / rounded.codes.size
    how = f"{item.bits} bits" if item.bits else f"step {item.step:g} rms"
    return f"{how}{', an output' if item.per_output else ''}{'' if item.clip == WIDE or item.bits else f', codes to {item.clip}'}, " \
        f"{100 * zeros:.0f} % zeros" + (f", sensitivity {rounded.gain:.3g}" if rounded.gain is not None else "")


def unfit(weight: Weight) -> str:
    """Return why a weight is left as it is, or nothing."""
    if weight.size < LEAST:
        return SMALL
    if not all(np.isfinite(part).all() for part in weight.chunks()):
        return "weights are not finite"
    return choose.unfit(weight.size, weight.numpy.itemsize, weight.scope.opset)


