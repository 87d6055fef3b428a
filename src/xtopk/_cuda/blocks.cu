// The first key in rank order of each block, and of each tile of 32 blocks: one streaming read of the array.
//
// A block is one load of 16 bytes by each lane of a warp. A block of threads reads a tile, of a row that has so many
// `tiles`; each warp reads AT_ONCE blocks before it looks at one, which keeps the memory busy. Its lanes then share out
// the blocks while they exchange what they found, halving how many blocks each has to do with.

const int AT_ONCE = 4, BLOCK = 32 * EACH, TILE = 32 * BLOCK;

KERNEL(256) best_of_blocks(const Word* x, long long stride, int n, int tiles,
                                                                 long long pitch, int start_of_tiles, Word* maxima) {
    __shared__ Key least_of_tile;
    if (threadIdx.x == 0) least_of_tile = LAST;
    unsigned row = blockIdx.x / tiles, tile = blockIdx.x % tiles, lane = threadIdx.x % 32;
    unsigned first = threadIdx.x / 32 * AT_ONCE;  // of this warp's blocks
    long long start = (long long)tile * TILE + first * BLOCK + lane * EACH;
    x += row * stride;
    maxima += row * pitch;
    Chunk chunks[AT_ONCE];
    if ((tile + 1LL) * TILE <= n && (unsigned long long)x % 16 == 0) {
#pragma unroll
        for (int i = 0; i < AT_ONCE; i++) chunks[i].words = *(const uint4*)(x + start + i * BLOCK);
    } else {
        for (int i = 0; i < AT_ONCE; i++) chunks[i].load(x + start + i * BLOCK, n - start - i * BLOCK);
    }
    __syncthreads();
    auto either = [&](const Packed& low, const Packed& high, int step) {
        bool mine = lane & step;
        return first_of(mine ? high : low, __shfl_xor_sync(ALL_LANES, mine ? low : high, step));
    };
    Packed best = either(either(chunks[0].first(), chunks[2].first(), 16), either(chunks[1].first(), chunks[3].first(), 16), 8);
    for (int step = 4; step; step /= 2) best = first_of(best, __shfl_xor_sync(ALL_LANES, best, step));
    Key key = first_key(best);
    if (lane % 8 == 0) maxima[tile * 32 + first + lane / 8] = (Word)key;
    key = least_of_warp(key);
    if (lane == 0) atomicMin(&least_of_tile, key);
    __syncthreads();
    if (threadIdx.x == 0) maxima[start_of_tiles + tile] = (Word)least_of_tile;
}
