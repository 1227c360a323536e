"""Channels and stream keys."""
