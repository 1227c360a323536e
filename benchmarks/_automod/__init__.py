"""Trains AutoMod's model and compares it."""
