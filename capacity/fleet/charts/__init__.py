"""Geometry of the drawings, in a view box that the templates of these names draw."""
