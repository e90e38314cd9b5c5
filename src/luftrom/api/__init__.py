"""HTTP: a request comes in, an answer goes out. `routes` has the table of all operations."""
