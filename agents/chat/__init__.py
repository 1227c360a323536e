"""Chat: what is said in channels, and what is allowed."""
