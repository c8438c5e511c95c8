"""The proof of the gate: how often it is wrong, how often it finds what was made slower."""
