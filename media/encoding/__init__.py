"""Renditions from the parts of a source: one decoder, a thread a rung, an encoder a segment."""
