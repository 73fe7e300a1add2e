"""Small games with known theory, played and drawn."""
