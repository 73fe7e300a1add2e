"""Critics against W1 that is known in closed form."""
