"""ASTM F3548-21: the DSS and USS operations."""
