"""Races to a target: who has a model trained first, from a fresh process and resident."""
