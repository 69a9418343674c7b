"""Pure maths of agreement, estimates, drift and ranks: numbers in, numbers out. Imports nothing of ours."""
