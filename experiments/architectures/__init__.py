"""Architectures drawn at random, trained as classic and as penalised games."""
