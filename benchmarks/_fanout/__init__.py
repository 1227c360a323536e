"""Servers that send the same to many, and the load that listens to them."""
