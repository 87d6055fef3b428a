// The k first in rank order of each row, by the threads of one block.
//
// A k beyond `capacity` leaves entries in `overflow` instead, in any order.

KERNEL(1024) select_in_rows(const Word* x, long long stride, int n, int k, int parts,
                                                                  int capacity, Word* values, INDEX* indices,
                                                                  Entry* overflow) {
    long long row = blockIdx.x;
    x += row * stride;
    unsigned count = collect({x, n, false, nullptr, 0, 0}, k, parts, capacity, overflow + row * k);
    put(x, k, count, values + row * k, indices + row * k);
}
