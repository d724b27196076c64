"""The passes, one folder each, in the order in which they are best applied.

Importing this package hands every declaration to the registry; entry points do so before they read a command line. It is
imported for `lwc --help`: the folders declare, and import what does the work when a pass runs. Passes import no reports and
nothing of the command line, and know no files.
"""

from lightweight_cli.passes import (  # noqa: F401, I001
    strip, fold, dedupe, compress, prune, prune_channels, student, distill, quantize, share, half, pack, unpack,
)
