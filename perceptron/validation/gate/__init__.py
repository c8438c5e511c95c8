"""How often the gate is wrong, and how often it finds what was made slower."""
