"""`luftrom demo`: two parties, two nodes, a day of flights."""
