"""Who reaches a target first: medians of censored times, and what they say."""
