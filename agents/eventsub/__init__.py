"""Subscriptions to events: who is told what, how often it is tried, and when it ends."""
