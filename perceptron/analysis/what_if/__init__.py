"""What a device that is not here might take: published figures and estimates with a range."""
