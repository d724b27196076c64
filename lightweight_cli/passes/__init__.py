"""The passes, one folder or file each, in the order in which they are best applied.

This package is imported for `lwc --help`: its modules declare, and import what does the work when a pass runs.
"""

from lightweight_cli.passes import strip, fold, dedupe, prune, quantize, share, half, pack, unpack  # noqa: F401, I001  in order
