"""THE QUESTIONS: a folder or file for each that a user asks: its plan, jobs, judge and words."""
