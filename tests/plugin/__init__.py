"""A package of somebody else's, which adds entries by naming them in a config."""
