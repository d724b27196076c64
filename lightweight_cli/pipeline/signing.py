"""The line of a step in the model's provenance, where there is room for it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lightweight_cli.model import provenance, wire
from lightweight_cli.model.output_external import single_pieces

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model


class Signer:
    """Signs steps as the stages of a pipe would, each of which knows no more than the file it is given."""

    def __init__(self, model: Model) -> None:
        self.model, self.size = model, model.total_size
        self.untold = False
        """Whether the model was changed, and does not say what it was made from."""
        self.source = ""

    def before(self) -> None:
        """Note what the next step is given, if it would have to name it."""
        self.source = digest(self.model) if self.untold else ""

    def after(self, step: str, grows: bool) -> None:
        """Sign a step that changed the model, unless that alone would make it larger than what the step was given."""
        entries = [(p.key, p.value) for p in self.model.proto.metadata_props]
        provenance.sign(self.model, step, self.source or self.model.digest)
        size = single_pieces(self.model)[1]
        if size > self.size and not grows:
            del self.model.proto.metadata_props[:]
            for key, value in entries:
                self.model.proto.metadata_props.add(key=key, value=value)
            size = single_pieces(self.model)[1]
        self.size, self.untold = size, provenance.origin(self.model) is None


def digest(model: Model) -> str:
    """Return the SHA-256 of the file that the model would be written to."""
    h = hashlib.sha256()
    for piece in single_pieces(model)[0]:
        for part in model.blobs[piece.id].chunks() if isinstance(piece, wire.Payload) else (piece,):
            h.update(part)
    return h.hexdigest()
