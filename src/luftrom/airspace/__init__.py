"""What flies and who has right of way: values and pure rules, and every sentence about them."""
