"""What is deployed: the packaged template, its roles and its size."""
