"""Polls, predictions and raids as every dialect of the API asks for them."""
