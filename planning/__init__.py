"""Capacity planning: arithmetic on published figures. No web framework, no engine."""
