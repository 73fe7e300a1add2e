"""A package of somebody's own: one module per kind, named as tests.plugin.MODULE:NAME."""
