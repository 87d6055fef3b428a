// The k first in rank order of each row, by the threads of one block; or what decides of them in large k, to be sorted.

// A k beyond `capacity` leaves no values, and in place of indices packed numbers, in any order.
extern "C" __global__ void __launch_bounds__(1024) select_in_rows(const Word* x, long long stride, int n, int k, int parts,
                                                                  int capacity, Word* values, long long* indices) {
    long long row = blockIdx.x;
    x += row * stride;
    indices += row * k;
    unsigned count = collect({x, n, false, nullptr, 0, 0}, k, parts, capacity, indices);
    put(x, k, count, values + row * k, indices);
}

// Packs every element, from which the library then sorts: where k is no small part of a few rows.
extern "C" __global__ void pack_rows(const Word* x, long long stride, int n, long long* numbers) {
    long long row = blockIdx.y;
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) numbers[row * n + i] = packed(key_of(x[row * stride + i]), i);
}
