"""What a model is made of, told from its file without running it, in a few hundredths of a second."""

from __future__ import annotations

from lightweight_cli.inspect.document import report_dict

__all__ = ["report_dict"]
