"""What a side runs in: its interpreter, and how the project is installed there."""
