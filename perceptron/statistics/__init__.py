"""HOW SURE IT IS: intervals, ratios, contention, and what warns of rows."""
