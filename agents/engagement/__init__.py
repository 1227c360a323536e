"""Polls, predictions, points and raids: what viewers of a channel do together."""
