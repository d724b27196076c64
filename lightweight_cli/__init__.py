"""lwc: make ONNX models smaller, and say exactly what it cost."""

__version__ = "0.1.0"
