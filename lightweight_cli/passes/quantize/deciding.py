"""Which layers compute in integers: by measuring, or by a table; and which must not, for the outputs to hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.calibration.observing import Observer
from lightweight_cli.calibration.settings import Settings
from lightweight_cli.compute import accuracy, balancing, dynamic, static
from lightweight_cli.compute.apply import observed
from lightweight_cli.compute.arch import Arch
from lightweight_cli.compute.balanced import input_of
from lightweight_cli.compute.choice import fastest
from lightweight_cli.compute.menu import Asked, Menu
from lightweight_cli.compute.ranges import chosen
from lightweight_cli.compute.seen import NOTHING, Seen
from lightweight_cli.compute.trial import Trials
from lightweight_cli.errors import InputError
from lightweight_cli.passes.quantize.fitting import fit, second_order
from lightweight_cli.pipeline.step_report import Calibrated
from lightweight_cli.weights.weight import Key

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context

SLOWEST = {"speed": 1.0, "memory": 1.25}
"""Share of the original's time that a model may take."""
BALANCED = (dynamic.NAME, *static.NAMES)
"""Forms that round what layers read."""


class Computing(NamedTuple):
    """What the options say."""

    purpose: str
    asked: Asked
    reduced: bool
    arch: str | None = None
    plan: str | None = None
    ranges: str | None = None
    method: str = "auto"
    holds: Callable[[Trials, Mapping[Key, str]], bool] | None = None
    """Whether the outputs hold with some decisions; None: by --min-sqnr, or FLOOR, and --max-drop."""


def decided(context: Context, found: Menu, options: Computing, arch: Arch,
            reduced: bool) -> tuple[dict[Key, str], dict[Key, float], Seen]:
    """Return the form of each layer, by measuring where that is possible, what layers cost alone, and the ranges of values."""
    step, portion = context.step, context.portion
    if not found:
        return {}, {}, NOTHING
    if portion is None:
        step.note(f"decided by the table for {arch.name}: the model is not run")
        return by_table(found, arch), {}, NOTHING
    try:
        labelled = context.wanted.select if context.wanted is not None and context.wanted.max_drop is not None else None
        with Trials(context.model, portion, reduced, labelled) as trials:
            calibrate(context, trials, found, options.ranges)
            balanced(context, trials, found)
            if context.target is not None and context.target.evidence == "documents":
                step.note(f"{context.target} is not here to be timed: all that fits computes in integers")
                decisions = by_table(found, None)
            elif options.arch:
                step.note(f"decided by the table for {arch.name}")
                decisions = by_table(found, arch)
            else:
                decisions = fastest(trials, found, SLOWEST[options.purpose], lambda tried: step.note(str(tried)))
            fit(context, trials, decisions, options.method)
            kept, costs = held(context, trials, found, decisions, options)
            if trials.seen.codes and len(kept) < len(decisions):  # what those that stay read is not rounded any more
                trials.seen = second_order(context, trials.path, kept, reduced, trials.seen) or trials.seen
            return kept, costs, used(trials.seen, kept)
    except InputError as e:
        if portion.paths:
            raise
        step.note(f"decided by the table for {arch.name}: not run on synthetic inputs: {e}")
        return by_table(found, arch), {}, NOTHING


def calibrate(context: Context, trials: Trials, found: Menu, method: str | None) -> None:
    """Find the ranges of the values that static layers read and write; layers of which values have none are left out."""
    forms_of = {layer: name for forms in found.values() for name, some in forms if name in static.NAMES for layer in some}
    layers = list(forms_of)
    if not layers or context.portion is None:
        return
    step = context.step
    step.stage("ranges", 0, 1)
    with Observer(Settings(context.portion), context.model) as observer:
        spreads = observer.spreads(observed(context.model, layers))
        step.calibrated = Calibrated(observer.samples, observer.of, context.portion.role == "calibrate")
    known = [layer for layer in layers if set(observed(context.model, [layer])) <= spreads.keys()]
    for kind, forms in list(found.items()):
        found[kind] = [(name, [layer for layer in some if name not in static.NAMES or layer in known]) for name, some in forms]
        found[kind] = [(name, some) for name, some in found[kind] if some]
        if not found[kind]:
            del found[kind]
    picked = chosen(trials, spreads, known, forms_of[layers[0]], method)
    trials.seen = trials.seen._replace(ranges=picked.ranges)
    step.note(f"ranges of activations by {picked.method}" + "".join(f", {name} {sqnr:.1f} dB" for name, sqnr in picked.tried.items()))


def balanced(context: Context, trials: Trials, found: Menu) -> None:
    """Balance what layers read against their weights, where data tell what the channels are like."""
    forms = {layer: name for forms in found.values() for name, some in forms if name in BALANCED for layer in some}
    layers = [layer for layer in forms if input_of(layer)]
    values = balancing.inputs_of(layers)
    if not values or context.portion is None or not context.portion.paths:
        return
    step = context.step
    step.stage("channels", 0, 1)
    with Observer(Settings(context.portion), context.model) as observer:
        channels = observer.channels(list(values))
        step.calibrated = Calibrated(observer.samples, observer.of, context.portion.role == "calibrate")
    balancing.balance(trials, layers, {layer.key: forms[layer] for layer in layers}, channels, step.note,
                      lambda done, whole: step.stage("channels", done, whole))


def used(seen: Seen, decisions: Mapping[Key, str]) -> Seen:
    """Return what the decisions need."""
    forms = set(decisions.values())
    ranges, balance = bool(forms & set(static.NAMES)), bool(forms & set(BALANCED))
    return Seen(seen.ranges if ranges else {}, seen.balance if balance else {}, seen.divided if ranges and balance else {},
                seen.codes if decisions else {}, seen.shifts if decisions else {})


def held(context: Context, trials: Trials, found: Menu, decisions: dict[Key, str],
         options: Computing) -> tuple[dict[Key, str], dict[Key, float]]:
    """Return what is left of the decisions where the outputs must hold."""
    step = context.step
    if not decisions:
        return {}, {}
    wanted = context.wanted
    floor = accuracy.FLOOR if wanted is None or wanted.min_sqnr is None else wanted.min_sqnr
    most = None if wanted is None else wanted.max_drop

    def tell(done: int, whole: int) -> None:
        step.stage("what layers cost", done, whole)

    def holds(some: Mapping[Key, str]) -> bool:
        if options.holds is not None:
            return options.holds(trials, some)
        return accuracy.holds(trials.run(some, latency=False), floor, most)

    if holds(decisions):
        return decisions, accuracy.costs(trials, decisions, tell, accuracy.TELLING)
    costs = accuracy.costs(trials, decisions, tell)
    sizes = {layer.key: layer.weight.size for forms in found.values() for _, layers in forms for layer in layers}
    kept = accuracy.holding(decisions, costs, sizes, holds)
    gone = sorted((key for key in decisions if key not in kept), key=lambda key: costs.get(key, float("inf")))
    goal = "the goal" if options.holds is not None else f"{floor:g} dB" + ("" if most is None else f" and a drop of {most:g}")
    if gone:
        step.note(f"{len(gone)} of {len(decisions)} layers stay out of integers, for {goal}: "
                  + ", ".join(f"{name} ({costs.get((n, name), float('nan')):.1f} dB alone)" for n, name in gone[:4])
                  + (" and others" if len(gone) > 4 else ""))
    timed = not options.arch and (context.target is None or context.target.evidence == "run")
    if gone and kept and timed:
        again = trials.run(kept)
        if again.ratio is not None and again.ratio > SLOWEST[options.purpose]:
            step.note("what is left is no faster: nothing computes in integers")
            return {}, costs
    return kept, costs


def by_table(found: Menu, arch: Arch | None) -> dict[Key, str]:
    """Return the first form of each layer of the kinds that integers make faster; of all kinds where nothing is known."""
    return {layer.key: forms[0][0] for kind, forms in found.items() if arch is None or kind in arch.faster for layer in forms[0][1]}
