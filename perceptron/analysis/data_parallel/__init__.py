"""One iteration over several processes: what is computed, what is sent, what a network does."""
