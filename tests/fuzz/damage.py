"""Damaged bytes of models, and the readers that must withstand them."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile

from hostile import external, graphs, odd, tensors

import lightweight_cli.passes  # noqa: F401  hands over the declarations
from fuzz.models import random_model
from lightweight_cli.errors import InputError, LwcError
from lightweight_cli.inspect import report_dict
from lightweight_cli.model import wire
from lightweight_cli.model.load import load
from lightweight_cli.model.output_external import write_candidate
from lightweight_cli.pipeline import recipe
from lightweight_cli.pipeline.run import run_steps

BIG = 20_000
"""Bytes up to which a hostile case is a seed."""
RECIPES = (("strip", "dedupe", "prune:sparsity=0.5", "quantize"), ("unpack", "half"), ("pack", "share"))
"""Steps that work in this process."""
HUGE = b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
LENGTHS = (b"\0", b"\x01", b"\x7f", b"\x80", b"\xff\xff\xff\xff\x0f", HUGE)


def seeds() -> list[bytes]:
    """Return models to damage."""
    cases = [c.content for family in (tensors, graphs, odd, external) for c in family.cases() if len(c.content) < BIG]
    return cases + [random_model(i).SerializeToString() for i in range(40)]


def damaged(data: bytes, other: bytes, choose: random.Random) -> bytes:
    """Return `data` after a few changes: bits, lengths, pieces cut, repeated, or taken from `other`."""
    out = bytearray(data)
    for _ in range(choose.choice((1, 1, 2, 3, 8))):
        if not out:
            return bytes(out)
        at, size = choose.randrange(len(out)), choose.choice((1, 2, 4, 16, 200))
        match choose.randrange(7):
            case 0:
                out[at] ^= 1 << choose.randrange(8)
            case 1:
                out[at] = choose.randrange(256)
            case 2:
                out[at : at + 1] = choose.choice(LENGTHS)
            case 3:
                del out[at : at + size]
            case 4:
                out[at:at] = out[at : at + size]
            case 5:
                start = choose.randrange(len(other))
                out[at:at] = other[start : start + size]
            case 6:
                del out[at:]
    return bytes(out)


def transform(path: str, steps: tuple[str, ...]) -> None:
    """Take a model through steps and write it, as without the check; only the errors that lwc documents may come of it."""
    model = load(path)
    try:
        run_steps(model, [recipe.parse(s) for s in steps])
        candidate = write_candidate(model, f"{path}.out")
        candidate.discard()
    finally:
        model.source.close()


def withstand(data: bytes) -> None:
    """Read bytes as each reader does; only the errors they document may come of it."""
    with contextlib.suppress(wire.WireError):
        skeleton, found = wire.cut(data, "mark:", large=16)
        assert all(0 <= at and at + length <= len(data) for at, length in found)
        whole, size = wire.splice(skeleton, "mark:", lambda i: found[i][1])
        assert size == sum(p.length if isinstance(p, wire.Payload) else len(p) for p in whole)
    with tempfile.TemporaryDirectory(prefix="lwc-fuzz-") as folder:
        path = os.path.join(folder, "model.onnx")
        with open(path, "wb") as file:
            file.write(data)
        with contextlib.suppress(InputError):
            model = load(path)
            model.source.close()
        for steps in RECIPES:
            with contextlib.suppress(LwcError):
                transform(path, steps)
        with contextlib.suppress(InputError):
            report_dict(path, deep=False, sizes={})
