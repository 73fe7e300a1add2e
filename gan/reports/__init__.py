"""Figures, tables and static pages, in one style."""
