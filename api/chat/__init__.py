"""Chat as programs and browsers speak it."""
