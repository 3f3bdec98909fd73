"""Recordings of an engine's steps: written, read, listed, replayed as frames."""
