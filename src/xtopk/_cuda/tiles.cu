// The k first in rank order of each row, of which `best_of_blocks` left the first key of each tile and of each block.
//
// The k-th least of these is a bound that k elements reach, in as many tiles or blocks, and in few beside these. Only
// what reaches it is read again, by all threads of the card. Where more do than there is room for, as where elements
// ascend or tie, one block of threads chooses the k best tiles, their k best blocks, and the k best elements of these.

const int LOG2_BLOCKS = 5, LOG2_BLOCK = BITS == 64 ? 6 : BITS == 32 ? 7 : BITS == 16 ? 8 : 9;
const unsigned BLOCKS = 1 << LOG2_BLOCKS, BLOCK = 1 << LOG2_BLOCK;

struct Room {  // behind a row of maxima
    unsigned found, done;
    Key bound;
    __device__ Entry* entries() { return (Entry*)((char*)this + 16); }
};

// Among so many maxima of a row, of tiles or of blocks; not many more than k are `enough`.
KERNEL(1024) bound_of_rows(Word* maxima, long long pitch, int start, int many,
                                                                 int start_of_room, int k, int enough) {
    maxima += blockIdx.x * pitch;
    Key bound = narrowed(Source{maxima + start, many, true, nullptr, 0, 0}, k, enough).bound();
    if (threadIdx.x == 0) *(Room*)(maxima + start_of_room) = {0, 0, bound};
}

// Each warp looks at so many tiles of a row, and a block of threads gathers what reaches the bound before it adds it to
// what others found. The last of a row's `groups` to end sorts that, or where `overflow` is not null leaves `room_for`
// entries there, with what is none behind those found.
KERNEL(1024) select_reaching(
    const Word* x, long long stride, int n, Word* maxima, long long pitch, int tiles, int start_of_tiles,
    int start_of_room, int groups, int each, int k, int parts, int capacity, int room_for, Word* values,
    INDEX* indices, Entry* overflow) {
    __shared__ unsigned held, base;
    __shared__ bool is_last;
    if (threadIdx.x == 0) held = 0;
    long long row = blockIdx.x / groups;
    unsigned lane = threadIdx.x % 32;
    unsigned first = (blockIdx.x % groups * (blockDim.x / 32) + threadIdx.x / 32) * each, mine = first + lane;
    x += row * stride;
    maxima += row * pitch;
    Room& room = *(Room*)(maxima + start_of_room);
    Key bound = room.bound;
    Entry *entries = (Entry*)memory, *found = overflow ? overflow + row * room_for : room.entries();
    __syncthreads();
    bool reaches = lane < each && mine < tiles && maxima[start_of_tiles + mine] <= bound;
    for (unsigned left = __ballot_sync(ALL_LANES, reaches); left; left &= left - 1) {
        unsigned tile = first + __ffs(left) - 1;
        unsigned reaching = __ballot_sync(ALL_LANES, maxima[tile * BLOCKS + lane] <= bound);
        for (; reaching && *(volatile unsigned*)&room.found <= room_for; reaching &= reaching - 1) {
            unsigned start = (tile * BLOCKS + __ffs(reaching) - 1) * BLOCK + lane * EACH;
            Chunk chunk;
            chunk.load(x + start, (long long)n - start);
#pragma unroll
            for (int i = 0; i < EACH; i++) {
                Key key = key_of(chunk.word(i));
                if (i >= chunk.usable || key > bound) continue;
                unsigned slot = atomicAdd(&held, 1);
                if (slot < capacity) {
                    entries[slot] = entry_of(key, start + i);
                } else if ((slot = atomicAdd(&room.found, 1)) < room_for) {
                    found[slot] = entry_of(key, start + i);
                }
            }
        }
    }
    __syncthreads();
    unsigned many = min(held, capacity);
    if (threadIdx.x == 0 && many) base = atomicAdd(&room.found, many);
    __syncthreads();
    for (unsigned i = threadIdx.x; i < many && base + i < room_for; i += blockDim.x) found[base + i] = entries[i];
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) is_last = atomicAdd(&room.done, 1) == groups - 1;
    __syncthreads();
    if (!is_last) return;
    __threadfence();

    many = *(volatile unsigned*)&room.found;
    if (many <= room_for) {
        for (unsigned i = threadIdx.x; !overflow && i < many; i += blockDim.x) entries[i] = found[i];
    } else {
        unsigned* chosen = (unsigned*)(room.entries() + room_for);
        many = 0;
        auto choose = [&](Source source) {
            many = collect(source, k, parts, capacity, nullptr);
            for (unsigned i = threadIdx.x; i < many; i += blockDim.x) chosen[i] = position_in(entries[i]);
            __syncthreads();
        };
        if (!overflow && k < tiles) choose({maxima + start_of_tiles, tiles, true, nullptr, 0, 0});
        if (!overflow) choose({maxima, tiles << LOG2_BLOCKS, true, many ? chosen : nullptr, many, LOG2_BLOCKS});
        Source source = {x, n, false, many ? chosen : nullptr, many, LOG2_BLOCK};
        many = collect(source, k, overflow ? 0 : parts, overflow ? min(capacity, k - 1) : capacity, found);
        if (overflow) many = k;
    }
    if (!overflow) put(x, k, many, values + row * k, indices + row * k);
    else for (unsigned i = many + threadIdx.x; i < room_for; i += blockDim.x) found[i] = entry_of(LAST, NOWHERE);
}
