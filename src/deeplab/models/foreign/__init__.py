"""Checkpoints that others published, turned into our networks."""
