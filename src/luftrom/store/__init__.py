"""Durability: a narrow protocol, and SQLite behind it."""
