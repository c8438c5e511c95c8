"""Measurements: programs started on the sides, blocks scheduled within the budget."""
