"""Does a backend keep its promises? Checks, agreement with the reference, and mutants."""
