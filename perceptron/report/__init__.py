"""HOW IT IS SHOWN: console tables, charts and pages, from records and their analysis."""
