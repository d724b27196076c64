"""Which channels of which tensors belong together, so that taking them out leaves a model of the same kind.

Every axis of every tensor has labels, one for each position; what operators tie together is merged (union-find). A label that
no rule can follow is frozen, with the reason. Here belong the rules, the groups they make, what a choice of channels
costs and saves, and the cut itself. Nothing is chosen here, and no onnxruntime runs.
"""
