"""Figures: one description each, drawn as SVG and as the dashboard's interactive figure."""
