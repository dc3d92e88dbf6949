"""A small project with every kind of trigger, which tests package and run instead of the product."""
