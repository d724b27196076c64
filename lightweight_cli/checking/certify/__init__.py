"""Whether a candidate keeps a budget, from the outputs of both models on rows that chose nothing: what they show, and no more.

One file a kind of evidence: `labelled`, or without labels `choices`, `strings`, `variation`, `equality`.
"""
