"""The kinds of statements, one a file."""
