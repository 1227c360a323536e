"""The run loop: Faust on the outside, an exact batched path inside (FAUST in docs/explanation)."""
