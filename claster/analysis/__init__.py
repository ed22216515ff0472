"""Scores of a prediction, and the simple methods that it has to beat."""
