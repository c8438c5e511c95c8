"""Which backend is fastest at which two sizes: cells, borders, and where to measure next."""
