"""Grants: which application may do what for whom, and until when."""
