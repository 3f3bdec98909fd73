"""Capacity planning as pages: what a model needs, what a fleet costs."""
