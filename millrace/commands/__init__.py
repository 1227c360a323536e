"""Sub-commands of `millrace`, one module a theme, each with `add_to(app)`."""
