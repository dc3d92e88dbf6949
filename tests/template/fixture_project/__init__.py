"""A small project with every kind of trigger, packaged and run by tests in place of the product."""
