"""Which of a million volumes come near: the index in plain arrays, and all pairs of a data set."""
