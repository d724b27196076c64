"""Which versions of operators a model means: "ai.onnx" is another spelling of the default domain, "".

Where one domain is imported more than once, in either spelling, the last import counts: so do onnxruntime 1.23 to 1.32.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import OperatorSetIdProto


def domain_of(name: str) -> str:
    """Return a domain by its one spelling."""
    return "" if name == "ai.onnx" else name


def versions_of(imports: Iterable[OperatorSetIdProto]) -> dict[str, int]:
    """Return the version of each domain."""
    return {domain_of(o.domain): o.version for o in imports}
