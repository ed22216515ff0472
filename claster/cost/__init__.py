"""What each step takes, told before it is done: time, disk, memory, memory of the GPU."""
