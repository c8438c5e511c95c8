"""What README and the docs show of committed results: one module for each page or two.

`make readme` runs it. It imports the package and no measuring; nothing here is part of the wheel.
"""
