"""Shapes of values, from what the file states about them."""

from __future__ import annotations

from lightweight_cli.inspect.constants import Constants
from lightweight_cli.inspect.records import Graph
from lightweight_cli.inspect.value_info import declared


class Shapes:
    """The shape of any value in any graph; sizes that the main inputs leave open are taken from `sizes`, or as 1."""

    def __init__(self, graph: Graph, constants: Constants, sizes: dict[str, int]) -> None:
        self.constants = constants
        self.assumed: dict[str, int] = {}
        """The symbolic sizes that were needed, and the values they were given."""
        self.sizes = sizes
        self.open = {size for name in graph.inputs for size in declared(graph.values.get(name, b""))[1] or []
                     if isinstance(size, str)}  # fmt: skip
        self.known: dict[tuple[Graph, str], tuple[int, ...] | None] = {}

    def of(self, graphs: tuple[Graph, ...], name: str) -> tuple[int, ...] | None:
        """Return the shape of the value `name`, seen from the innermost of `graphs`."""
        scope = self.constants.scopes.get(graphs[-1])  # none for a graph in an attribute that holds something else too
        constant = scope.find(name) if scope else None
        if constant and constant.dims is not None:
            return constant.dims
        for graph in reversed(graphs):
            if name in graph.values:
                key = (graph, name)
                if key not in self.known:
                    self.known[key] = self._stated(graph.values[name])
                return self.known[key]
        return None

    def _stated(self, info: bytes) -> tuple[int, ...] | None:
        _, dims = declared(info)
        if dims is None:
            return None
        result = []
        for size in dims:
            if isinstance(size, str):
                if size not in self.open and size not in self.sizes:
                    return None
                self.assumed[size] = self.sizes.get(size, 1)
                size = self.assumed[size]
            if size is None:
                return None
            result.append(size)
        return tuple(result)
