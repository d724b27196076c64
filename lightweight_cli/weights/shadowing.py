"""Initializers of a graph within that have the name of an outer value get a name of their own, where their meaning is known.

ONNX forbids such names. onnxruntime (1.23 to 1.32) takes the inner one, unless a graph within reads the outer one by that name,
be it another branch of the same node: then the outer may come first. Only where none does is a name changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lightweight_cli.model.scopes import Scope, Scopes

if TYPE_CHECKING:
    from onnx import ModelProto


def told_apart(proto: ModelProto) -> Scopes:
    """Return the scopes of a model in which those initializers have names of their own."""
    scopes = Scopes(proto)
    found = list(_shadowing(scopes))
    if not found:
        return scopes
    taken = scopes.names()
    for scope, name in found:
        new = next(n for i in range(1, len(taken) + 2) if (n := f"{name}.{i}") not in taken)
        taken.add(new)
        _rename(scopes, scope, name, new)
    return Scopes(proto)


def _shadowing(scopes: Scopes) -> Iterator[tuple[Scope, str]]:
    read = {(id(home), name) for s in scopes.all for name in _read(s) if (home := s.resolve(name)) is not None and home is not s}
    for scope in scopes.all:
        if scope.parent is None or scope.graph.quantization_annotation:
            continue
        for name in scope.initializers:
            outer = scope.outer(name)
            if outer is not None and not (name in scope.inputs or name in scope.producers or _is_read(outer, name, read)):
                yield scope, name


def _read(scope: Scope) -> set[str]:
    """Return the names that a graph's nodes read, or that it returns."""
    return {name for node in scope.graph.node for name in node.input if name} | scope.outputs


def _is_read(outer: Scope, name: str, read: set[tuple[int, str]]) -> bool:
    """Whether a graph within reads the value that `outer`, or one further out, calls `name`."""
    at: Scope | None = outer
    while at is not None:
        if (id(at), name) in read:
            return True
        at = at.outer(name)
    return False


def _rename(scopes: Scopes, scope: Scope, old: str, new: str) -> None:
    """Give an initializer of `scope` another name, where it stands and where it is used."""
    for use in scope.uses.get(old, ()):
        use.node.input[use.index] = new
    scope.initializers[old].name = new
    for each in scopes.all:
        if each.is_function or each.resolve(old) is not scope:
            continue
        for info in (*each.graph.output, *each.graph.value_info):
            if info.name == old:
                info.name = new
