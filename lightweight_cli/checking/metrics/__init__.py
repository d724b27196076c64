"""Figures of outputs: one file each. With labels they are a `base.Metric`, made by name in `choose`; without, part of `fidelity`."""
