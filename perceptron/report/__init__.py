"""Tables, charts and pages of records and their analysis."""
