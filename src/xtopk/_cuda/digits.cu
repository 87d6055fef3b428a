// Many of each row, in the order of the row: all threads of the card count keys by a digit of their bits, from the first
// on, until the k-th key is known (Alabi et al., "Fast k-selection algorithms for graphics processing units", 2012); then
// each block of threads counts what comes up to it in its part of a row, and writes that behind what earlier parts have.
//
// A part is `span` elements, and `groups` of them are a row. States are zeros at first, and so are the counts behind them.

const int WIDE = BITS < 32 ? 8 : 11, MANY = 1 << WIDE, WARPS = 16;

struct __align__(8) State {
    Known known;
    unsigned done, started, bins[MANY];
};

KERNEL(512) count_digit(const Word* x, long long stride, int n, int span, int groups, State* states, int k) {
    __shared__ unsigned bins[MANY], digit, before;
    __shared__ bool is_last;
    long long row = blockIdx.x / groups;
    unsigned first = blockIdx.x % groups * (unsigned)span, end = min(first + span, (unsigned)n);
    State& state = states[row];
    Known known = state.known;
    if (known.all) return;
    if (!known.wanted) known = {0, BITS, (unsigned)k, false};
    int bits = min(WIDE, known.open), rest = known.open - bits;
    for (int i = threadIdx.x; i < MANY; i += blockDim.x) bins[i] = 0;
    __syncthreads();
    for (unsigned start = first + threadIdx.x * EACH; start < end; start += blockDim.x * EACH) {
        Chunk chunk;
        chunk.load(x + row * stride + start, end - start);
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            Key key = key_of(chunk.word(i));
            bool counts = i < chunk.usable && without(key, known.open) == known.bits;
            if (counts) atomicAdd(&bins[(key >> rest) & ((1 << bits) - 1)], 1);
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < MANY; i += blockDim.x) {
        if (bins[i]) atomicAdd(&state.bins[i], bins[i]);
    }
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) is_last = atomicAdd(&state.done, 1) == groups - 1;
    __syncthreads();
    if (!is_last) return;
    __threadfence();
    for (int i = threadIdx.x; i < MANY; i += blockDim.x) {
        bins[i] = *(volatile unsigned*)&state.bins[i];
        state.bins[i] = 0;
    }
    __syncthreads();
    if (threadIdx.x < 32) find_digit<MANY>(bins, known.wanted, digit, before);
    __syncthreads();
    if (threadIdx.x) return;
    unsigned wanted = known.wanted - before;
    state.known = {known.bits << bits | digit, rest, wanted, !rest || bins[digit] == wanted};
    state.done = 0;
}

struct Counts {
    unsigned less, equal;
};

// The sum over all threads, which all get, and what comes of those before this one.
__device__ __forceinline__ Counts sum_of(Counts mine, Counts& before) {
    __shared__ Counts warps[WARPS];
    unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    Counts upto = mine, sum = {0, 0};
    for (int step = 1; step < 32; step *= 2) {
        Counts other = {__shfl_up_sync(ALL_LANES, upto.less, step), __shfl_up_sync(ALL_LANES, upto.equal, step)};
        if (lane >= step) upto = {upto.less + other.less, upto.equal + other.equal};
    }
    if (lane == 31) warps[warp] = upto;
    __syncthreads();
    before = {upto.less - mine.less, upto.equal - mine.equal};
    for (unsigned i = 0; i < WARPS; i++) {
        if (i < warp) before = {before.less + warps[i].less, before.equal + warps[i].equal};
        sum = {sum.less + warps[i].less, sum.equal + warps[i].equal};
    }
    __syncthreads();
    return sum;
}

__device__ __forceinline__ Counts counts_of(const Chunk& chunk, const Known& known) {
    Counts mine = {0, 0};
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        Key bits = without(key_of(chunk.word(i)), known.open);
        mine.less += i < chunk.usable && bits < known.bits;
        mine.equal += i < chunk.usable && bits == known.bits;
    }
    return mine;
}

// Parts are taken in the order in which blocks start, so that those before are under way, and will say what they counted.
// Keys are written as signed integers of their size, for a library to sort.
KERNEL(512) write_in_order(const Word* x, long long stride, int n, int span, int groups, State* states, int k, Word* keys,
                           INDEX* indices) {
    __shared__ unsigned taken;
    long long row = blockIdx.x / groups;
    State& state = states[row];
    volatile unsigned long long* counted = (unsigned long long*)(states + gridDim.x / groups) + row * groups;
    if (threadIdx.x == 0) taken = atomicAdd(&state.started, 1);
    __syncthreads();
    unsigned group = taken, first = group * (unsigned)span, end = min(first + span, (unsigned)n);
    Known known = state.known;
    Counts mine = {0, 0}, before;
    for (unsigned start = first + threadIdx.x * EACH; start < end; start += blockDim.x * EACH) {
        Chunk chunk;
        chunk.load(x + row * stride + start, end - start);
        Counts found = counts_of(chunk, known);
        mine = {mine.less + found.less, mine.equal + found.equal};
    }
    Counts sum = sum_of(mine, before);
    if (threadIdx.x == 0) counted[group] = 1ull << 62 | (unsigned long long)sum.less << 31 | sum.equal;
    mine = {0, 0};
    for (unsigned i = threadIdx.x; i < group; i += blockDim.x) {
        unsigned long long other;
        while (!(other = counted[i])) {}
        mine = {mine.less + (unsigned)(other >> 31 & 0x7FFFFFFF), mine.equal + (unsigned)(other & 0x7FFFFFFF)};
    }
    Counts ahead = sum_of(mine, before);
    keys += row * k;
    indices += row * k;
    for (unsigned part = first; part < end; part += blockDim.x * EACH) {
        unsigned start = part + threadIdx.x * EACH;
        Chunk chunk;
        chunk.load(x + row * stride + start, (long long)end - start);
        Counts sum = sum_of(counts_of(chunk, known), before);
        unsigned less = ahead.less + before.less, equal = ahead.equal + before.equal;
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            Key key = key_of(chunk.word(i)), bits = without(key, known.open);
            if (i >= chunk.usable || bits > known.bits) continue;
            bool is_less = bits < known.bits, is_kept = is_less || equal < known.wanted;
            unsigned place = less + min(equal, known.wanted);
            if (is_kept) keys[place] = (Word)(key ^ SIGN), indices[place] = start + i;
            less += is_less;
            equal += !is_less;
        }
        ahead = {ahead.less + sum.less, ahead.equal + sum.equal};
    }
}
