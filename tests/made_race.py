"""A model file to race on: as large as the OR gate, with rows held out."""

from __future__ import annotations

HELD_OUT = """
loss = "bce"
rate = 0.5

[data]
rows = 40
features = 2
test_share = 0.25

[[layers]]
width = 1
activation = "sigmoid"
"""
