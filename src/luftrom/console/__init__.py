"""The web console: the files of one page, and how they are found."""
