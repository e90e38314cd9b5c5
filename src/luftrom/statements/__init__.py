"""Statements: the signed leaf, what is disclosed of it, and its kinds, one a file."""
