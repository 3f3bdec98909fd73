"""A second engine beside the main one: its settings, its line, a learner's turn."""
