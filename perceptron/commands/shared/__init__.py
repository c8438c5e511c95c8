"""What commands share: option types, reading option values, and how a command ends."""
