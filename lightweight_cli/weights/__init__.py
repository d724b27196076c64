"""Which constants are weights, what they are used for, what their values are, and how one is replaced.

Here belongs what relates a weight to the graph around it. Encodings and passes stand above and are not imported, and no
onnxruntime runs.
"""
