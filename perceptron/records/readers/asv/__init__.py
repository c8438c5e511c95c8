"""What asv keeps: its files of both formats, its parameters, and rows of them."""
