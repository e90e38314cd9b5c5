"""Conflicts of files, without a node: many volumes read, compared and reported (docs/batch.md)."""
