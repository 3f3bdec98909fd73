"""Cards, prices, platforms and traffic shapes as published, each with its source."""
