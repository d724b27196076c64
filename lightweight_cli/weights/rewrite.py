"""Replacing weights in the skeleton: planned by several threads, applied in the model's order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from onnx import TensorProto

from lightweight_cli.weights import constants, noise, shift
from lightweight_cli.weights.at_load import at_load
from lightweight_cli.weights.choosing import TABLES, take
from lightweight_cli.weights.emission import Emission, Together
from lightweight_cli.weights.graph_edits import drop_initializer, drop_unused_tables, modernise
from lightweight_cli.weights.in_threads import in_threads
from lightweight_cli.weights.load_budget import Budget, own_peak, relieved
from lightweight_cli.weights.looked_up import index_of, is_large, rank_of
from lightweight_cli.weights.naming import is_shared, unused
from lightweight_cli.weights.placing import place, put_first
from lightweight_cli.weights.plan import Listener, Plan
from lightweight_cli.weights.remainder import remainder
from lightweight_cli.weights.search import LEAST, find_weights
from lightweight_cli.weights.selection import Selection
from lightweight_cli.weights.shadowing import told_apart
from lightweight_cli.weights.sharing import share
from lightweight_cli.weights.together import ALONE, Bundling, bundled, bundles_of, left_over, saved, small, undone
from lightweight_cli.weights.waiting import done_without, least, stays
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope

EVERYTHING, DEFAULT = Selection(), Budget()


class Rewriter:
    """One pass's view of a model: its weights, or every float constant, and the edits to come."""

    def __init__(self, model: Model, step: Listener, every: bool = False, selection: Selection = EVERYTHING,
                 budget: Budget = DEFAULT, by_rows: Collection[str] = (), least: int = LEAST, bundling: Bundling | None = None) -> None:
        self.model, self.step, self.every, self.budget, self.bundling = model, step, every, budget, bundling
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
        self.bundles = bundles_of(self.weights)
        """Those that there are."""
        self.held = {id(w) for weights in self.bundles.values() for w in weights}
        self.small = small([w for w in self.weights if id(w) not in self.by_rows]) if bundling is not None else set()
        self.room = 0.0
        """Bytes that decoding may take, and when weights have their forms, beyond what was chosen."""
        self.names = unused(self.scopes.names())
        self.known = {n: self._table(n) for n in sorted(self.scopes.names()) if is_shared(n)}
        self.nodes: dict[int, list[NodeProto]] = {}
        self.dropped: dict[int, set[str]] = {}
        self.tables: set[str] = set()

    def emission(self, weight: Weight, label: str) -> Emission:
        """Return an empty emission for `weight`, to be filled by an encoding."""
        return Emission(weight.scope.opset, weight.scope.is_function, self.known, label=label)

    def limit(self, weight: Weight) -> int:
        """Return the bytes below which a form of a weight is looked at: of one in a bundle, which may come into another, more than now."""
        return weight.stored_bytes() + (ALONE + weight.size // 8 if id(weight) in self.held else 0)

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
        plans = in_threads(lambda w: self._choose(make(w)), free)
        self.room = self.load_room([p.weight for p in plans if p.taken is not None])
        self._complete(plans)
        self._relieve(plans, make)
        in_threads(self._settle, plans)
        share(self.model, self.scopes.main, self.known, plans)
        bundles = self._bundle(plans)
        for weight in self.weights:
            if weight.locked:
                self._leave(weight, weight.locked)
        for other in remainder(self.model, self.scopes, self.weights, self.every) if rest else ():
            self.step.leave(*other)
        for plan in plans:
            if plan.taken is not None:
                w = plan.weight
                if not plan.kept:
                    self.step.done(w.name, w.op, w.shape, plan.label, w.stored_bytes(), plan.nbytes, plan.changed, plan.stored_as,
                                   plan.sqnr, plan.told)
                if plan.shift is not None:
                    shift.move(w, plan.shift)
                self._remove(w)
                if plan.together is None:
                    self._place(w.scope, plan.taken)
            elif plan.reason:
                self._leave(plan.weight, plan.reason)
        for bundle in bundles:
            self._place(self.scopes.main, bundle.emission)
        self._commit()
        return sum(plan.changed for plan in plans if plan.taken is not None and not plan.kept)

    def _leave(self, weight: Weight, reason: str) -> None:
        self.step.leave(weight.name, weight.op, weight.shape, weight.stored_bytes(), reason)

    def _choose(self, plan: Plan) -> Plan:
        """Take the smallest option if it gains, and make its bytes unless it waits."""
        if plan.options:
            self._take(plan)
        if plan.further is not None and not stays(plan, id(plan.weight) in self.by_rows, self.budget.worth):
            self._take_of_all(plan)
        if plan.taken is not None:
            plan.sqnr = noise.sqnr(plan.weight, plan.taken) if self.step.lossy else None
            if not plan.waits:
                self._settle(plan)
        plan.weight.forget()
        self.step.advance(plan.weight.size)
        return plan

    def _take(self, plan: Plan) -> None:
        take(plan, id(plan.weight) in self.by_rows, self.known, self.limit(plan.weight), id(plan.weight) in self.small)

    def _take_of_all(self, plan: Plan) -> None:
        """Take the smallest of all options of a plan, further ones too."""
        assert plan.further is not None
        plan.options, plan.further = plan.further.make(), None
        self._take(plan)

    def _complete(self, plans: Sequence[Plan]) -> None:
        """Ask for further options where there is room for some of them."""
        if any(p.further is not None for p in plans) and least([p for p in plans if p.taken is not None]) <= self.room:
            in_threads(self._take_of_all, [p for p in plans if p.further is not None])
        done_without([p for p in plans if p.further is not None])

    def _settle(self, plan: Plan) -> None:
        """Make the bytes of what is taken, and let go of the options: they hold codes."""
        if plan.taken is not None and plan.options:
            plan.taken.realise(self.model)
            plan.taken.sample, plan.options = None, ()

    def is_tight(self, load_bytes: float) -> bool:
        """Whether all weights may not have room if each value takes so much at load: what the others leave is not looked at."""
        return sum(w.size for w in self.weights if not w.locked) * load_bytes > self.budget.room(0.0)

    def load_room(self, new: Collection[Weight]) -> float:
        """Return the bytes that decoding some weights may take at load, beside the others as they are stored."""
        mine = {id(w) for w in new}
        coded = [w for w in self.weights if w.encoded or id(w) in mine]
        floats = sum(w.size * w.numpy.itemsize for w in coded)
        others = sum(at_load(w, id(w) in self.by_rows) for w in coded if id(w) not in mine)
        return self.budget.room(own_peak(self.model, self.scopes, self.weights)) + floats - others

    def _relieve(self, plans: list[Plan], make: Callable[[Weight], Plan]) -> None:
        """Take other options for some weights where all together would take too much memory at load."""
        changing, room = [p for p in plans if p.taken is not None], self.room
        decoding = sum(p.menu[0].load_bytes for p in changing)
        self.room = room - decoding
        if decoding <= room or not changing:
            return
        moved = relieved([p.menu for p in changing], decoding - room, self.budget.worth)

        def again(i: int) -> None:
            plan = changing[i]
            plan.options = plan.options or make(plan.weight).options
            plan.taken = plan.options[moved[i].option]
            plan.leave_others()  # they would take more again
            self._settle(plan)
            plan.weight.forget()

        in_threads(again, list(moved))
        decoding -= sum(changing[i].menu[0].load_bytes - form.load_bytes for i, form in moved.items())
        self.room = room - decoding
        if decoding > room:
            allowed = self.budget.room(own_peak(self.model, self.scopes, self.weights))
            self.step.note(f"decoding takes about {(decoding - room + allowed) / 1e6:,.0f} MB more at load than float weights would, over "
                           f"the {allowed / 1e6:,.0f} MB of --load-memory: no other form takes less without a far larger file")

    def _bundle(self, plans: list[Plan]) -> list[Together]:
        """Store weights together where that is smaller; those of bundles of which others go are stored anew, as they are."""
        if self.bundling is None:
            return []
        makes = self.bundling
        plans += [self._choose(p) for p in left_over(plans, self.bundles, lambda w: makes.alone(lambda label: self.emission(w, label), w))]
        found = bundled(plans, makes, self._in_main, self.room)
        if undone(plans, self.bundles):
            found = bundled(plans, makes, self._in_main, self.room)
        for each in found:
            each.emission.realise(self.model)
        return found

    def bundle_of(self, plans: Sequence[Plan]) -> tuple[int, int]:
        """Return how many bytes and names it saves to store together what may be, of forms that were taken."""
        return saved(plans, self.bundling, self._in_main) if self.bundling is not None else (0, 0)

    def _in_main(self, label: str) -> Emission:
        """Return an empty emission for several weights of the main graph."""
        return Emission(self.scopes.main.opset, known=self.known, label=label)

    def _remove(self, weight: Weight) -> None:
        for scope, name in constants.own(weight.scope, weight.name):
            if name in scope.initializers:
                drop_initializer(scope.graph, name)
            self.dropped.setdefault(id(scope), set()).add(name)

    def _place(self, scope: Scope, emission: Emission) -> None:
        nodes = place(self.model, scope, self.scopes.main, emission, self.names)
        self.nodes.setdefault(id(scope), []).extend(nodes)
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
