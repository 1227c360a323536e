"""Who follows which channel, and how many do."""
