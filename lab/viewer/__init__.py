"""The web side: one subscription a process, a place in it for each viewer."""
