"""Battles of two models, and the ratings that people's votes give them."""
