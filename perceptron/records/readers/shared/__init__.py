"""What readers of all formats share: parameters, numbers, names, and what they have to say."""
