"""Figures of the course that the product computes, one module for each subject.

A claim names a function of ``registry`` and its inputs (``computed: {by, with}``); each
function takes plain values and returns its figures by name. The arithmetic is
planning's: what stands here asks it, and gives the answers names.
"""
