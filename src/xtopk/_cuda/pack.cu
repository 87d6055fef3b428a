// Entries of every element, for a library to sort: where k is no small part of a few rows.

extern "C" __global__ void pack(const Word* x, long long stride, int n, Entry* entries) {
    long long row = blockIdx.y;
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) entries[row * n + i] = entry_of(key_of(x[row * stride + i]), i);
}
