"""Figures drawn as SVG, for README, the documentation and pages without a script."""
