"""Algorithms on arrays: rounding, clustering, packing, statistics. Each reads like its paper.

Here belongs what knows numpy only. No ONNX, no files, nothing of lwc is imported.
"""
