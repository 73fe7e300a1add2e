"""Scores of generated examples beside real ones, by name: every number that an evaluation reports.

`gan.scores.metrics` holds an entry for each; `gan.scores.evaluation` computes what a config names.
A score without its features, its n and an interval says nothing, so none is printed without.
"""
