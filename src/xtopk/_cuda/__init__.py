"""CUDA kernels, one a file, and what chooses among them; the same for every library that has memory on a GPU."""
