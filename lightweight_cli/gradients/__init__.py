"""Gradients of a model written as a model: reverse-mode differentiation from ONNX to ONNX, of standard operators.

What comes out runs in onnxruntime like any other model. Here belong the rules, one for each operator, and the walk that puts
them together. No weights are read, nothing is run, and nothing here knows what gradients are for.
"""

from __future__ import annotations

from lightweight_cli.gradients.differentiate import differentiate, gradient_name, uncovered
from lightweight_cli.gradients.prepare import prepared
from lightweight_cli.gradients.walk import Uncovered

__all__ = ["Uncovered", "differentiate", "gradient_name", "prepared", "uncovered"]
