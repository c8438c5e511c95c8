"""Readings: programs started on the arms, blocks scheduled within the budget."""
