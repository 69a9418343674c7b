"""Ranks of ratings: a naive form, and how often equal ones are ranked apart."""

import numpy as np

from service.stats.rating_ranks import rating_ranks


def test_two_ratings_are_told_apart_by_two_standard_errors() -> None:
    covariance = np.eye(2) / 2  # of the difference: 1
    assert rating_ranks(np.array([1.05, -1.05]), covariance) == [1, 2]
    assert rating_ranks(np.array([0.9, -0.9]), covariance) == [1, 1]
    assert rating_ranks(np.array([0.0]), np.eye(1)) == [1]


def test_equal_ratings_are_ranked_apart_in_one_of_twenty() -> None:
    """With pairwise tests at 95% the best of ten equal ratings is above another in 6 of 10."""
    drawn = np.random.default_rng(3)
    spread = drawn.normal(size=(10, 12))
    covariance = spread @ spread.T
    noise = drawn.multivariate_normal(np.zeros(10), covariance, size=600)
    assert 0.03 < np.mean([max(rating_ranks(each, covariance)) > 1 for each in noise]) < 0.075


def test_neither_equal_ratings_nor_equal_models_divide_by_zero() -> None:
    assert rating_ranks(np.zeros(3), np.zeros((3, 3))) == [1, 1, 1]
    assert rating_ranks(np.array([1.0, 0.0]), np.zeros((2, 2))) == [1, 2]
