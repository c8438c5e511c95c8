"""Figures drawn for plotly, in names of colours that the pages' style sheet gives a value."""
