"""Seeded synthetic inputs for any model, for when there is no data.

`search` finds inputs that the model runs on, `feeds` makes them; what images and ids look like is in `kinds/`.
"""
