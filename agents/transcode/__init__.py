"""Renditions: who gets which, made by which worker, and why."""
