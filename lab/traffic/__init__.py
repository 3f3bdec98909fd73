"""Requests made up for a purpose: the demonstrations, and the traffic of recordings."""
