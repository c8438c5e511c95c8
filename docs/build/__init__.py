"""Make the parts of README and the docs that show committed results, a module for a page or two.

`make readme` runs it. It imports the package and no measuring; nothing here is part of the wheel.
"""
