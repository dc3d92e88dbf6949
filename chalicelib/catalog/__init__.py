"""What is sold, where and for how much: regions, instance types, images, storage plans, free GPUs."""
