// What more entries than a block of threads sorts come to: the number of those that precede one is its place.
//
// A block of threads places 32 of a row, each by 8 threads that share out all `many`, of which some may be no entries.

KERNEL(256) place(const Entry* entries, int many, const Word* x, long long stride,
                                                        int k, Word* values, INDEX* indices) {
    __shared__ Entry others[256];
    long long row = blockIdx.y;
    entries += row * many;
    x += row * stride;
    unsigned i = blockIdx.x * 32 + threadIdx.x / 8, part = threadIdx.x % 8, place = 0;
    Entry none = entry_of(LAST, NOWHERE), mine = i < many ? entries[i] : none;
    bool is_one = precedes(mine, none);
    if (__syncthreads_and(!is_one)) return;
    for (unsigned first = 0; first < many; first += 256) {
        others[threadIdx.x] = first + threadIdx.x < many ? entries[first + threadIdx.x] : none;
        __syncthreads();
#pragma unroll
        for (int j = 0; j < 256; j += 8) place += precedes(others[j + part], mine);
        __syncthreads();
    }
    for (int step = 1; step < 8; step *= 2) place += __shfl_xor_sync(ALL_LANES, place, step);
    if (part || place >= k || !is_one) return;
    indices[row * k + place] = position_in(mine);
    values[row * k + place] = x[position_in(mine)];
}
