"""Scores of predictions beside simple methods; perturbation, attribution, and whether these hold."""
