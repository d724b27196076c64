"""A search as a step: what the model is opened with, what it found, and what is told of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from lightweight_cli.checking.certify.budget import Budget
from lightweight_cli.checking.certify.confirm import NONE_FRESH, confirms
from lightweight_cli.checking.gates import GateResult
from lightweight_cli.data.portion import Portion
from lightweight_cli.passes.compress.aims import MARGIN, aims, budget_of
from lightweight_cli.passes.compress.seeing import seen_on
from lightweight_cli.pipeline.step_report import Calibrated, Measured
from lightweight_cli.search.clock import EXPLORING, Clock
from lightweight_cli.search.examiner import Examiner
from lightweight_cli.search.front import Front
from lightweight_cli.search.gains import Explored, explored, unexplored, weighed
from lightweight_cli.search.items import Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.loading import Room
from lightweight_cli.search.pieces import Bundle, Store
from lightweight_cli.search.rounding import Rounded
from lightweight_cli.search.searching import INTERRUPTED, Search
from lightweight_cli.search.table import choices, keeping

if TYPE_CHECKING:
    from lightweight_cli.calibration.statistics import Statistics
    from lightweight_cli.calibration.study import Study
    from lightweight_cli.pipeline.context import Context


def searched(context: Context, layers: Sequence[Layer], portion: Portion, rest: int, most: int | None,
             time_limit: float | None, store: Store, original: str | None = None,
             room: Room | None = None, bundle: Bundle | None = None) -> list[tuple[Item, Rounded]]:
    """Return what each layer becomes; `original`: the path of the model to hold it against, where the context's was changed since.

    Raises: InputError for data that do not fit, or a model that does not run.
    """
    step, model = context.step, context.model
    clock = Clock(time_limit, sum(layer.weight.size for layer in layers))
    wanted = aims(portion, context.wanted)
    most = most or (wanted.max_size if wanted.max_drop is None and wanted.min_sqnr is None else None)
    budget = budget_of(wanted, most is None)
    settings = context.calibrated(portion)
    names = [layer.key for layer in layers if not layer.fixed]
    with (Examiner(model, names, settings, wanted.select, budget, wanted.confirm, original, step.exact) as judge,
          contextlib.ExitStack() as stack):
        if judge.sentence:
            step.note(judge.sentence)

        @cache
        def study() -> Study:
            made = stack.enter_context(settings.study(model, [layer.weight for layer in layers]))
            step.calibrated = Calibrated(made.samples, made.of, portion.role == "calibrate")
            return made

        search = Search(layers, study, judge, seen_on(portion), rest, store, model.total_size, clock,
                        lambda stage, done, whole: step.stage(stage, done, whole),
                        lambda: explore(context, study, judge, layers, portion, clock, most is not None), Front(most), bundle, room,
                        settled=original is not None)  # integers add to the loss on all rows
        search.run()
        if wanted.confirm is not None and search.ended != INTERRUPTED:
            confirmed(context, search, budget)
    return told(context, search, budget)


def confirmed(context: Context, search: Search, budget: Budget) -> None:
    """See the winner once on rows that no candidate was chosen by."""
    assert search.front.built is not None
    fresh, best = search.examiner.confirm(search.front.built.values(search.layers)), search.front.best
    if fresh is None:
        context.step.note(NONE_FRESH)
        return
    held = best is None or confirms(best.verdict, fresh, budget)
    context.step.note(f"on fresh rows: {fresh.figures}: {'confirmed' if held else 'not confirmed'} with those that selected")
    if budget.max_drop is not None and best is not None and best.verdict.holds and not held:
        if fresh.floor is not None:  # it stands in for the drop
            context.step.goals.append(GateResult("min-sqnr on fresh rows", fresh.floor, fresh.sqnr, False, None, False, "dB"))
            return
        why = None if fresh.estimate is not None else fresh.sentence
        context.step.goals.append(GateResult("max-drop on fresh rows", budget.max_drop, fresh.estimate, False, why))


def explore(context: Context, study: Callable[[], Study], judge: Examiner, layers: Sequence[Layer], portion: Portion,
            clock: Clock, sized: bool) -> list[Explored]:
    """Return the choices of each layer and what its errors count, in one pass of the original, as far as time allows.

    `sized`: a size is met, which may have room for a layer as it is.
    """
    step, seen = context.step, seen_on(portion)
    of, found, done = {id(layer.weight): layer for layer in layers}, {}, 0
    whole = sum(layer.weight.size for layer in layers)

    def met() -> Iterator[tuple[Layer, Statistics | None]]:
        if not clock.past(EXPLORING):
            yield from ((of[id(one.weight)], one.statistics) for one in study().statistics(keep=True))
        yield from ((layer, None) for layer in layers if id(layer) not in found)

    for layer, statistics in met():
        if clock.past(EXPLORING):
            break
        step.stage("sensitivity", done, whole)
        sees = seen(layer, statistics)
        found[id(layer)] = explored(layer, choices(layer, sees), sees, judge)
        done += layer.weight.size
    untried = len(layers) - len(found)
    if untried:
        step.note(f"no time to try {untried:,} of {len(layers):,} weights alone: they keep about 8 bits; --time-limit gives more")
    unmoved = sum(len(e.choices) == 1 and not e.layer.fixed for e in found.values())
    if unmoved:
        step.note(f"{unmoved:,} of {len(layers):,} weights change no output on the data: they keep about 8 bits")
    known = weighed([found[id(layer)] if id(layer) in found else unexplored(layer) for layer in layers])
    return [e._replace(choices=[*e.choices, keeping(e.layer)]) for e in known] if sized else known


def told(context: Context, search: Search, budget: Budget) -> list[tuple[Item, Rounded]]:
    """Report what a search found. Returns: what each layer becomes."""
    step, front = context.step, search.front
    assert front.best is not None and front.built is not None
    best = front.best
    for tried in front.tried:
        v = tried.verdict
        step.front.append(Measured(tried.nbytes, v.loss, v.holds, v.sentence, tried is best, tried.firm, tried.nearest))
    if search.opened:
        step.note("that is not enough for the size: they go below 8 bits too, which no sample shows the loss of")
    if search.ended:
        step.note(f"{search.ended}: the best of {len(front.tried)} candidates")
    step.note(f"{len(front.tried)} candidate{'s' * (len(front.tried) != 1)}; {best.verdict.sentence}")
    if budget.max_drop is not None and not best.verdict.holds:
        step.goals.append(GateResult("max-drop", budget.max_drop, best.verdict.estimate, False,
                                     None if best.verdict.estimate is not None else best.verdict.sentence))
    if budget.min_sqnr is not None and not best.verdict.holds:
        step.goals.append(GateResult("min-sqnr", budget.min_sqnr - MARGIN, best.verdict.sqnr, False, None, False, "dB"))
    if front.most is not None and best.nbytes > front.most:
        step.goals.append(GateResult("target-size", front.most, best.nbytes, False, None, True, "bytes"))
    gains = {id(e.layer): e.gain for e in search.explored}
    return [(new.item, new._replace(gain=gains.get(id(layer)))) for layer, new in zip(search.layers, front.built.rounded, strict=True)]
