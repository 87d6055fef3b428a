// What more entries than a block of threads sorts come to: the number of those that precede one is its place.
//
// Each block of threads places as many of a row as it has, and looks at all `many`, of which some may be no entries.

extern "C" __global__ void __launch_bounds__(256) place(const Entry* entries, int many, const Word* x, long long stride,
                                                        int k, Word* values, long long* indices) {
    __shared__ Entry others[256];
    long long row = blockIdx.y;
    entries += row * many;
    x += row * stride;
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x, place = 0;
    Entry none = entry_of(LAST, NOWHERE), mine = i < many ? entries[i] : none;
    if (__syncthreads_and(!precedes(mine, none))) return;
    for (unsigned first = 0; first < many; first += blockDim.x) {
        others[threadIdx.x] = first + threadIdx.x < many ? entries[first + threadIdx.x] : none;
        __syncthreads();
#pragma unroll 16
        for (int j = 0; j < 256; j++) place += precedes(others[j], mine);
        __syncthreads();
    }
    if (place >= k || !precedes(mine, none)) return;
    indices[row * k + place] = position_in(mine);
    values[row * k + place] = x[position_in(mine)];
}
