"""Datasets, and judges measured on them."""
