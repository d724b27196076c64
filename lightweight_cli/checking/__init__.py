"""Whether a result is good: both models on the same batches, metrics, scores, gates, the accuracy that comes of it.

Passes never judge themselves, so nothing of passes, recipes or reports is imported here.
"""
