"""Distillation: what is left of a model learns the original's answers again, by gradient descent on unlabelled data.

Here belongs what trains: which values may change and what they must stay (forms), what is to be learned (scores, losses), the data in
the order they are drawn (pool), and the descent, in a child process that a hostile model may bring down. How a step is declared, what
is stored, and what a report says are the pass's; gradients are `gradients`'.
"""
