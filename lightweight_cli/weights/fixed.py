"""Values that are the same on every run, by whatever operators: more than constants.py can compute, as much as `fold` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.model.scopes import subgraphs_of

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.scopes import Scope, Scopes, Use

KNOWN = ("", "ai.onnx", "com.microsoft")
RANDOM = {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout"}


class Ends(NamedTuple):
    """Where a constant goes: operators that compute on constants first, then the uses that meet other values."""

    through: list[str]
    uses: list[Use]
    is_output: bool


class Fixed:
    """The fixed values of a model, found in one walk through its nodes in their order."""

    def __init__(self, scopes: Scopes) -> None:
        self.values: set[tuple[int, str]] = set()
        self.scopes = scopes
        for scope in scopes.all:
            self.values |= {(id(scope), name) for name in scope.initializers if name not in scope.inputs}
            for node in scope.graph.node:
                if self._is_fixed(scope, node):
                    self.values |= {(id(scope), name) for name in node.output if name}

    def _is_fixed(self, scope: Scope, node: NodeProto) -> bool:
        if node.op_type == "Constant":
            return True
        if node.op_type in RANDOM or node.domain not in KNOWN or not any(node.input) or any(subgraphs_of(node)):
            return False
        homes = [(scope.resolve(name), name) for name in node.input if name]
        return all(home is not None and (id(home), name) in self.values for home, name in homes)

    def ends(self, home: Scope, name: str) -> Ends:
        """Follow the constant `name` of `home` through operators on constants to where other values come in."""
        through: dict[str, None] = {}
        found: list[Use] = []
        is_output = False
        seen: set[tuple[int, str]] = set()
        todo = [(home, name)]
        while todo:
            at, current = todo.pop(0)
            if (id(at), current) in seen:
                continue
            seen.add((id(at), current))
            is_output |= current in at.outputs
            for use in at.uses.get(current, ()):
                fixed = [o for o in use.node.output if o and (id(use.scope), o) in self.values]
                if fixed:
                    through[use.node.op_type] = None
                    todo += [(use.scope, o) for o in fixed]
                else:
                    found.append(use)
        return Ends(list(through), found, is_output)
