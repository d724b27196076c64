"""Replacing weights in the skeleton: planned by several threads, applied in the model's order."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from onnx import TensorProto

from lightweight_cli.weights import constants, noise, shift
from lightweight_cli.weights.emission import Emission, place
from lightweight_cli.weights.graph_edits import drop_initializer, drop_unused_tables, modernise
from lightweight_cli.weights.load_budget import Budget, Form, decoding_bytes, own_peak, relieved
from lightweight_cli.weights.looked_up import index_of, is_large, rank_of
from lightweight_cli.weights.plan import Listener, Plan
from lightweight_cli.weights.remainder import remainder
from lightweight_cli.weights.row_chain import decodes_rows, load_bytes
from lightweight_cli.weights.search import INNER, find_weights
from lightweight_cli.weights.selection import Selection
from lightweight_cli.weights.shadowing import told_apart
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model

EVERYTHING, DEFAULT = Selection(), Budget()
THREADS = min(4, os.cpu_count() or 1)
TABLES = 1 << 14
"""Bytes that all shared tables of a model stay below: a weight that gains more by them needs no spare option."""


class Rewriter:
    """One pass's view of a model: its weights, or every float constant, and the edits to come."""

    def __init__(self, model: Model, step: Listener, every: bool = False, selection: Selection = EVERYTHING,
                 budget: Budget = DEFAULT, by_rows: Collection[str] = ()) -> None:
        self.model, self.step, self.every, self.budget = model, step, every, budget
        self.scopes = told_apart(model.proto)
        self.weights = find_weights(model, self.scopes, every)
        selection.check(self.weights)
        for weight in self.weights:
            weight.locked = weight.locked or selection.reason(weight)
        main = self.scopes.main
        self.by_rows = {id(w): w for w in self.weights if w.scope is main and (step.lossy or w.name in by_rows)
                        and (index := index_of(main, w.name)) and is_large(model, main, w.name)
                        and (w.name in by_rows or rank_of(main, index, {}) is not None)}
        """Weights that a Gather will read as codes, and decode by rows, if their encodings allow."""
        serials = [int(m[0][3:-1]) for n in self.scopes.names() if (m := INNER.match(n))]
        first = max(serials, default=0) + 1
        self.prefix = {id(w): f"lwc{first + i}." for i, w in enumerate(self.weights)}
        self.known = {n: self._table(n) for n in sorted(self.scopes.names()) if n.startswith(constants.SHARED)}
        self.nodes: dict[int, list[NodeProto]] = {}
        self.dropped: dict[int, set[str]] = {}

    def emission(self, weight: Weight, label: str) -> Emission:
        """Return an empty emission for `weight`, to be filled by an encoding."""
        return Emission(weight.scope.opset, self.prefix[id(weight)], weight.scope.is_function, self.known, label=label)

    def _table(self, name: str) -> bytes | None:
        """Return an initializer that may be a shared table: its declaration and bytes."""
        tensor = self.scopes.main.initializers.get(name)
        if tensor is None or name in self.scopes.main.inputs or self.model.nbytes(tensor) > TABLES:
            return None
        declared = TensorProto(name=name, data_type=tensor.data_type, dims=tensor.dims)
        return declared.SerializeToString() + self.model.array(tensor).tobytes()

    def run(self, make: Callable[[Weight], Plan], rest: bool = True) -> int:
        """Plan every weight with `make`, apply the plans that gain, record why others stay; with `rest`, what is no weight, too.

        Returns: what the plans applied count together.
        """
        free = [w for w in self.weights if not w.locked]
        self.step.expect(sum(w.size for w in free))
        with ThreadPoolExecutor(THREADS) as pool:
            plans = list(pool.map(lambda w: self._choose(make(w)), free))
            self._relieve(plans, make, pool)
        self._share(plans)
        for weight in self.weights:
            if weight.locked:
                self._leave(weight, weight.locked)
        for other in remainder(self.model, self.scopes, self.weights, self.every) if rest else ():
            self.step.leave(*other)
        for plan in plans:
            if plan.taken is not None:
                w = plan.weight
                self.step.done(w.name, w.op, w.shape, plan.taken.label, w.stored_bytes(), plan.taken.nbytes, plan.changed,
                               plan.taken.stored_as, plan.sqnr, plan.told)
                if plan.shift is not None:
                    shift.move(w, plan.shift)
                self._replace(w, plan.taken)
            elif plan.reason:
                self._leave(plan.weight, plan.reason)
        self._commit()
        return sum(plan.changed for plan in plans if plan.taken is not None)

    def _leave(self, weight: Weight, reason: str) -> None:
        self.step.leave(weight.name, weight.op, weight.shape, weight.stored_bytes(), reason)

    def _choose(self, plan: Plan) -> Plan:
        """Take the smallest option if it gains, and make its bytes."""
        if plan.options:
            best = min(plan.options, key=lambda e: e.nbytes)
            before = plan.weight.stored_bytes()
            if plan.must or best.nbytes < before + plan.anew:
                plan.taken = best
                best.realise(self.model)
                plan.sqnr = noise.sqnr(plan.weight, best) if self.step.lossy else None
                best.sample = None  # it holds codes
                if best.shared_bytes():
                    spares = (e for e in plan.options if not e.shared_bytes() and (plan.must or e.nbytes < before + plan.anew))
                    spare = min(spares, key=lambda e: e.nbytes, default=None)
                    if spare is not None and spare.nbytes - best.nbytes <= TABLES:
                        plan.spare = spare
                forms = [Form(i, e.nbytes, self._at_load(plan.weight, e)) for i, e in enumerate(plan.options)
                         if plan.must or e.nbytes < before + plan.anew]
                first = next(f for f in forms if plan.options[f.option] is best)
                plan.menu = [first, *(f for f in forms if f.load_bytes < first.load_bytes)]
                plan.options = ()  # they hold codes
            else:
                plan.reason = f"would not be smaller: {best.nbytes:,} bytes as {best.label}, {before:,} now"
        plan.weight.forget()
        self.step.advance(plan.weight.size)
        return plan

    def _at_load(self, weight: Weight, emission: Emission | None = None) -> float:
        """Return the bytes that decoding takes at load, as an emission or, without, as it is stored now."""
        by_rows = id(weight) in self.by_rows
        if emission is not None:
            return emission.nbytes if by_rows and decodes_rows(emission, weight.shape[0]) else emission.load_bytes
        rows = load_bytes(self.model, weight.scope, weight.name) if by_rows and weight.encoded else None
        return decoding_bytes(weight) if rows is None else rows

    def _relieve(self, plans: list[Plan], make: Callable[[Weight], Plan], pool: ThreadPoolExecutor) -> None:
        """Take other options for some weights where all together would take too much memory at load."""
        new = {id(p.weight): p for p in plans if p.taken is not None}
        coded = [w for w in self.weights if w.encoded or id(w) in new]
        floats = sum(w.size * w.numpy.itemsize for w in coded)
        decoding = sum(new[id(w)].menu[0].load_bytes if id(w) in new else self._at_load(w) for w in coded)
        room = self.budget.room(own_peak(self.model, self.scopes, self.weights))
        if decoding - floats <= room or not new:
            return
        changing = list(new.values())
        moved = relieved([p.menu for p in changing], decoding - floats - room, self.budget.worth)

        def again(i: int) -> None:
            plan = changing[i]
            plan.taken, plan.spare = make(plan.weight).options[moved[i].option], None
            plan.taken.realise(self.model)
            plan.weight.forget()

        list(pool.map(again, moved))
        decoding -= sum(changing[i].menu[0].load_bytes - form.load_bytes for i, form in moved.items())
        if decoding - floats > room:
            self.step.note(f"decoding takes about {(decoding - floats) / 1e6:,.0f} MB more at load than float weights would, over the "
                           f"{room / 1e6:,.0f} MB of --load-memory: no other form takes less without a far larger file")

    def _share(self, plans: list[Plan]) -> None:
        """Undo the plans whose shared tables cost more than all their users gain: each table, then all together."""
        sizes = {n: b for p in plans if p.taken for n, b in p.taken.shared_bytes().items()}
        held = self._held(plans, sizes)
        sizes = {n: b for n, b in sizes.items() if n not in held}
        for tables in [*({n} for n in sizes), set(sizes)]:
            users = [p for p in plans if p.taken and not tables.isdisjoint(p.taken.shared_bytes())]
            if any(p.must and p.spare is None for p in users):
                continue
            cost = sum(sizes[n] for n in tables if any(p.taken and n in p.taken.shared_bytes() for p in users))
            if users and sum(p.gain for p in users) <= cost:
                for p in users:
                    p.taken, p.reason = p.spare, f"would not be smaller: its decoding tables take {cost:,} bytes"
                    if p.taken is not None:
                        p.taken.realise(self.model)
                    p.weight.forget()

    def _held(self, plans: list[Plan], tables: Collection[str]) -> set[str]:
        """Return the tables that stay whatever is taken: the model has them, and not every weight that reads them can do without."""

        def stays(table: str) -> bool:
            able = (p.weight for p in plans if p.taken and (p.spare or table not in p.taken.shared_bytes()))
            gone = {id(home.producers[n]) for w in able for home, n in constants.own(w.scope, w.name) if n in home.producers}
            return any(id(use.node) not in gone for use in self.scopes.main.uses.get(table, ()))

        return {t for t in tables if t in self.known and stays(t)}

    def _replace(self, weight: Weight, emission: Emission) -> None:
        for scope, name in constants.own(weight.scope, weight.name):
            if name in scope.initializers:
                drop_initializer(scope.graph, name)
            self.dropped.setdefault(id(scope), set()).add(name)
        nodes = place(self.model, weight.scope, self.scopes.main, emission)
        self.nodes.setdefault(id(weight.scope), []).extend(nodes)

    def _commit(self) -> None:
        """Take out the nodes that were replaced and put the new ones first."""
        if not self.nodes and not self.dropped:
            return
        modernise(self.model, self.scopes.main)
        for scope in reversed(self.scopes.all):  # inner graphs first: nodes are copied with the graphs in them
            new, names = self.nodes.get(id(scope), []), self.dropped.get(id(scope), set())
            if new or names:
                nodes = new + [n for n in scope.graph.node if names.isdisjoint(n.output)]
                del scope.graph.node[:]
                scope.graph.node.extend(nodes)
        drop_unused_tables(self.model.proto)
