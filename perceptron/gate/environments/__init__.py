"""What an arm runs in: its interpreter, and how the project is installed there."""
