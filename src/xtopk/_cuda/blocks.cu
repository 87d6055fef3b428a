// The first key in rank order of each block, and of each tile of blocks: one streaming read of the array.
//
// A block of threads reads a tile, AT_ONCE loads each before it looks at one, which keeps the memory busy. Each load is
// 16 bytes for each of `lanes` threads, a block; the last of a row, of which there are `tiles`, may be shorter.

const int AT_ONCE = 4;

extern "C" __global__ void __launch_bounds__(256) best_of_blocks(const Word* x, long long stride, int n, int tiles,
                                                                 int lanes, long long pitch, int start_of_tiles,
                                                                 Word* maxima) {
    __shared__ Key least_of_tile;
    if (threadIdx.x == 0) least_of_tile = LAST;
    int row = blockIdx.x / tiles, tile = blockIdx.x % tiles, groups = blockDim.x / lanes, lane = threadIdx.x % lanes;
    int first = tile * AT_ONCE * groups + threadIdx.x / lanes;
    x += row * stride;
    maxima += row * pitch;
    Chunk chunks[AT_ONCE];
#pragma unroll
    for (int i = 0; i < AT_ONCE; i++) {
        long long start = ((long long)(first + i * groups) * lanes + lane) * EACH;
        chunks[i].load(x + start, n - start);
    }
    __syncthreads();
    Key all = LAST;
#pragma unroll
    for (int i = 0; i < AT_ONCE; i++) {
        Key least = LAST;
#pragma unroll
        for (int j = 0; j < EACH; j++) {
            if (j < chunks[i].usable) least = min(least, key_of(chunks[i].word(j)));
        }
        least = least_of(least, lanes);
        if (lane == 0) maxima[first + i * groups] = (Word)least;
        all = min(all, least);
    }
    all = least_of_warp(all);
    if (threadIdx.x % 32 == 0) atomicMin(&least_of_tile, all);
    __syncthreads();
    if (threadIdx.x == 0) maxima[start_of_tiles + tile] = (Word)least_of_tile;
}
