// The k first in rank order of each row, by the threads of one block.

KERNEL(1024) select_in_rows(const Word* x, long long stride, int n, int k, int parts,
                                                                  int capacity, Word* values, INDEX* indices) {
    long long row = blockIdx.x;
    x += row * stride;
    unsigned count = collect({x, n, false, nullptr, 0, 0}, k, parts, capacity, nullptr);
    put(x, k, count, values + row * k, indices + row * k);
}
