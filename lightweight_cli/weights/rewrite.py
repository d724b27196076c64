"""Replacing weights in the skeleton: planned by several threads, applied in the model's order."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from onnx import TensorProto

from lightweight_cli.weights import constants, noise, shift
from lightweight_cli.weights.at_load import at_load
from lightweight_cli.weights.choosing import SPLITS, TABLES, take
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.graph_edits import drop_initializer, drop_unused_tables, modernise
from lightweight_cli.weights.load_budget import Budget, own_peak, relieved
from lightweight_cli.weights.looked_up import index_of, is_large, rank_of
from lightweight_cli.weights.naming import is_shared, unused
from lightweight_cli.weights.placing import place, put_first
from lightweight_cli.weights.plan import Listener, Plan
from lightweight_cli.weights.remainder import remainder
from lightweight_cli.weights.search import LEAST, find_weights
from lightweight_cli.weights.selection import Selection
from lightweight_cli.weights.shadowing import told_apart
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model

EVERYTHING, DEFAULT = Selection(), Budget()
THREADS = min(4, os.cpu_count() or 1)


class Rewriter:
    """One pass's view of a model: its weights, or every float constant, and the edits to come."""

    def __init__(self, model: Model, step: Listener, every: bool = False, selection: Selection = EVERYTHING,
                 budget: Budget = DEFAULT, by_rows: Collection[str] = (), least: int = LEAST) -> None:
        self.model, self.step, self.every, self.budget = model, step, every, budget
        self.scopes = told_apart(model.proto)
        self.weights = find_weights(model, self.scopes, every, least)
        selection.check(self.weights)
        for weight in self.weights:
            weight.locked = weight.locked or selection.reason(weight)
        main = self.scopes.main
        self.by_rows = {id(w): w for w in self.weights if w.scope is main and (step.lossy or w.name in by_rows)
                        and (index := index_of(main, w.name)) and is_large(model, main, w.name)
                        and (w.name in by_rows or rank_of(main, index, {}) is not None)}
        """Weights that a Gather will read as codes, and decode by rows, if their encodings allow."""
        self.names = unused(self.scopes.names())
        self.known = {n: self._table(n) for n in sorted(self.scopes.names()) if is_shared(n)}
        self.nodes: dict[int, list[NodeProto]] = {}
        self.dropped: dict[int, set[str]] = {}
        self.tables: set[str] = set()

    def emission(self, weight: Weight, label: str) -> Emission:
        """Return an empty emission for `weight`, to be filled by an encoding."""
        return Emission(weight.scope.opset, weight.scope.is_function, self.known, label=label)

    def _table(self, name: str) -> bytes | None:
        """Return an initializer that may be a shared table, its declaration and bytes, or a node that may compute one."""
        node = self.scopes.main.producers.get(name)
        if node is not None:
            return node.SerializeToString()
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
            list(pool.map(self._settle, plans))
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
        """Take the smallest option if it gains, and make its bytes unless it waits."""
        if plan.options:
            take(plan, id(plan.weight) in self.by_rows, self.known)
            if plan.taken is not None:
                plan.sqnr = noise.sqnr(plan.weight, plan.taken) if self.step.lossy else None
                if not plan.waits:
                    self._settle(plan)
        plan.weight.forget()
        self.step.advance(plan.weight.size)
        return plan

    def _settle(self, plan: Plan) -> None:
        """Make the bytes of what is taken, and let go of the options: they hold codes."""
        if plan.taken is not None and plan.options:
            plan.taken.realise(self.model)
            plan.taken.sample, plan.options = None, ()

    def load_room(self, new: Collection[Weight]) -> float:
        """Return the bytes that decoding some weights may take at load, beside the others as they are stored."""
        mine = {id(w) for w in new}
        coded = [w for w in self.weights if w.encoded or id(w) in mine]
        floats = sum(w.size * w.numpy.itemsize for w in coded)
        others = sum(at_load(w, id(w) in self.by_rows) for w in coded if id(w) not in mine)
        return self.budget.room(own_peak(self.model, self.scopes, self.weights)) + floats - others

    def _relieve(self, plans: list[Plan], make: Callable[[Weight], Plan], pool: ThreadPoolExecutor) -> None:
        """Take other options for some weights where all together would take too much memory at load."""
        changing = [p for p in plans if p.taken is not None]
        room = self.load_room([p.weight for p in changing])
        decoding = sum(p.menu[0].load_bytes for p in changing)
        if decoding <= room or not changing:
            return
        moved = relieved([p.menu for p in changing], decoding - room, self.budget.worth)

        def again(i: int) -> None:
            plan = changing[i]
            plan.options = plan.options or make(plan.weight).options
            plan.taken, plan.spare, plan.unsplit = plan.options[moved[i].option], None, None
            self._settle(plan)
            plan.weight.forget()

        list(pool.map(again, moved))
        decoding -= sum(changing[i].menu[0].load_bytes - form.load_bytes for i, form in moved.items())
        if decoding > room:
            allowed = self.budget.room(own_peak(self.model, self.scopes, self.weights))
            self.step.note(f"decoding takes about {(decoding - room + allowed) / 1e6:,.0f} MB more at load than float weights would, over "
                           f"the {allowed / 1e6:,.0f} MB of --load-memory: no other form takes less without a far larger file")

    def _share(self, plans: list[Plan]) -> None:
        """Undo the plans whose shared tables cost more than all their users gain: each table, then all together."""
        sizes = {n: b for p in plans if p.taken for n, b in p.taken.shared_bytes().items()}
        held = self._held(plans, sizes)
        sizes = {n: b for n, b in sizes.items() if n not in held}
        self._unsplit(plans, held)
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

    def _unsplit(self, plans: list[Plan], held: Collection[str]) -> None:
        """Take forms without splits where those with them do not save the tables that they need more."""
        users = [p for p in plans if p.taken and SPLITS in p.taken.shared_bytes()]
        if SPLITS in held or not users or any(p.unsplit is None for p in users):
            return
        others = [p.taken for p in plans if p.taken and SPLITS not in p.taken.shared_bytes()]

        def total(taken: list[Emission]) -> int:
            tables = {n: b for e in [*taken, *others] for n, b in e.shared_bytes().items() if n not in held}
            return sum(e.nbytes for e in taken) + sum(tables.values())

        instead = [p.unsplit for p in users if p.unsplit]
        if total(instead) <= total([p.taken for p in users if p.taken]):
            for p in users:
                p.taken = p.unsplit
                if p.taken is not None:
                    p.taken.realise(self.model)
                p.weight.forget()

    def _held(self, plans: list[Plan], tables: Collection[str]) -> set[str]:
        """Return the tables that stay whatever is taken: the model has them, and not every weight that reads them can do without."""

        known = [t for t in tables if t in self.known]
        mine = [(p, {id(home.producers[n]) for home, n in constants.own(p.weight.scope, p.weight.name) if n in home.producers})
                for p in plans if p.taken] if known else []
        found: dict[str, bool] = {}

        def stays(table: str) -> bool:
            if table not in found:
                gone = {i for p, own in mine if p.taken and (p.spare or table not in p.taken.shared_bytes()) for i in own}
                found[table] = any(
                    any(stays(o) for o in use.node.output) if all(map(is_shared, use.node.output)) else id(use.node) not in gone
                    for use in self.scopes.main.uses.get(table, ()))
            return found[table]

        return {t for t in known if stays(t)}

    def _replace(self, weight: Weight, emission: Emission) -> None:
        for scope, name in constants.own(weight.scope, weight.name):
            if name in scope.initializers:
                drop_initializer(scope.graph, name)
            self.dropped.setdefault(id(scope), set()).add(name)
        nodes = place(self.model, weight.scope, self.scopes.main, emission, self.names)
        self.nodes.setdefault(id(weight.scope), []).extend(nodes)
        self.tables |= emission.reads.keys()

    def _commit(self) -> None:
        """Take out the nodes that were replaced and put the new ones first."""
        if not self.nodes and not self.dropped:
            return
        modernise(self.model, self.scopes.main)
        for scope in reversed(self.scopes.all):  # inner graphs first: nodes are copied with the graphs in them
            new, names = self.nodes.get(id(scope), []), self.dropped.get(id(scope), set())
            tables = self.tables if scope is self.scopes.main else set()
            if new or names or tables:
                put_first(scope.graph, tables, new, names)
        drop_unused_tables(self.model.proto)
