"""THE QUESTIONS: one file for each question a user asks, joining measure and analysis."""
