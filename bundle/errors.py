"""What stops a bundle from being made."""


class BundleError(Exception):
    """``str(error)`` is one sentence for the terminal, with the way out."""
