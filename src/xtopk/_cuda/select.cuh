// What the threads of one block do to find the k first in rank order: they narrow down the k-th key, collect, and sort.

// An entry is a key and a position; with keys of up to 32 bits it is a number, and numbers are in rank order.
#if BITS == 64
struct Entry {
    Key key;
    unsigned position;
};
__device__ __forceinline__ bool precedes(Entry a, Entry b) {
    return a.key < b.key || (a.key == b.key && a.position < b.position);
}
__device__ __forceinline__ Entry entry_of(Key key, unsigned position) { return {key, position}; }
__device__ __forceinline__ Key key_in(Entry entry) { return entry.key; }
__device__ __forceinline__ unsigned position_in(Entry entry) { return entry.position; }
#else
typedef unsigned long long Entry;
__device__ __forceinline__ bool precedes(Entry a, Entry b) { return a < b; }
__device__ __forceinline__ Entry entry_of(Key key, unsigned position) { return (Entry)key << 32 | position; }
__device__ __forceinline__ Key key_in(Entry entry) { return entry >> 32; }
__device__ __forceinline__ unsigned position_in(Entry entry) { return entry; }
#endif

const int DIGIT = 8, BINS = 1 << DIGIT, TOGETHER = BITS == 8 ? 1 : 2;

extern __shared__ unsigned char memory[];

__device__ __forceinline__ Key without(Key key, int bits) { return bits < BITS ? key >> bits : 0; }

// Sorts so many entries, filled up to a power of two with what comes last (Batcher's bitonic sorter).
__device__ void sort(Entry* entries, unsigned count) {
    unsigned full = 1;
    while (full < count) full *= 2;
    for (unsigned i = count + threadIdx.x; i < full; i += blockDim.x) entries[i] = entry_of(LAST, NOWHERE);
    __syncthreads();
    for (unsigned size = 2; size <= full; size *= 2) {
        for (unsigned step = size / 2; step; step /= 2) {
            for (unsigned i = threadIdx.x; i < full / 2; i += blockDim.x) {
                unsigned low = 2 * i - (i & (step - 1)), high = low + step;
                Entry a = entries[low], b = entries[high];
                if (precedes(b, a) == !(low & size)) entries[low] = b, entries[high] = a;
            }
            // Up to a step of 32 a warp's entries are its own, until the next size begins.
            if (step > 32 || step == 1) __syncthreads();
            else __syncwarp();
        }
    }
}

// Writes the first k of so many entries, if there are any, in rank order.
__device__ void put(const Word* x, int k, unsigned count, Word* values, INDEX* indices) {
    Entry* entries = (Entry*)memory;
    if (!count) return;
    sort(entries, count);
    for (int i = threadIdx.x; i < k; i += blockDim.x) {
        indices[i] = position_in(entries[i]);
        values[i] = x[position_in(entries[i])];
    }
}

// The elements of a row to choose from: all, or where `blocks` is not null those of so many blocks, each of 2**shift
// elements, the last maybe fewer. Keys are their own keys.
struct Source {
    const Word* row;
    int n;
    bool are_keys;
    unsigned *blocks, many;
    int shift;

    __device__ __forceinline__ Key key(Word word) const { return are_keys ? word : key_of(word); }
    __device__ __forceinline__ unsigned per_block() const { return (1u << shift) / EACH; }
    __device__ __forceinline__ unsigned chunks() const { return blocks ? many * per_block() : (n + EACH - 1) / EACH; }
    __device__ __forceinline__ unsigned start(unsigned chunk) const {
        return (blocks ? blocks[chunk / per_block()] * per_block() + chunk % per_block() : chunk) * EACH;
    }

    // Uses the keys and positions of some chunks, until it is enough; so many loads are under way at once.
    template <typename Use> __device__ __forceinline__ void some(unsigned from, unsigned to, Use use) const {
        for (unsigned first = from + threadIdx.x; first < to; first += TOGETHER * blockDim.x) {
            unsigned starts[TOGETHER];
            Chunk loaded[TOGETHER];
#pragma unroll
            for (int j = 0; j < TOGETHER; j++) {
                unsigned chunk = first + j * blockDim.x;
                starts[j] = chunk < to ? start(chunk) : n;
                loaded[j].load(row + starts[j], (long long)n - starts[j]);
            }
#pragma unroll
            for (int j = 0; j < TOGETHER; j++) {
#pragma unroll
                for (int i = 0; i < EACH; i++) {
                    if (i < loaded[j].usable && !use(key(loaded[j].word(i)), starts[j] + i)) return;
                }
            }
        }
    }

    template <typename Use> __device__ __forceinline__ void operator()(Use use) const { some(0, chunks(), use); }
};

// What is known of the k-th least key: all but so many `open` bits of it. Among the keys that share these bits it is
// number `wanted`, counted from 1, and where `all` is true the last.
struct Known {
    Key bits;
    int open;
    unsigned wanted;
    bool all;

    // The greatest key that shares the bits.
    __device__ Key bound() const { return open < BITS ? bits << open | (((Key)1 << open) - 1) : LAST; }
};

// Finds the bin that holds what is number `wanted`, and how many are in those before it; for the first warp to call.
template <int MANY>
__device__ __forceinline__ void find_digit(const unsigned* bins, unsigned wanted, unsigned& digit, unsigned& before) {
    unsigned lane = threadIdx.x % 32, sum = 0, upto;
    for (int i = 0; i < MANY / 32; i++) sum += bins[lane * (MANY / 32) + i];
    upto = sum;
    for (int step = 1; step < 32; step *= 2) {
        unsigned other = __shfl_up_sync(ALL_LANES, upto, step);
        if (lane >= step) upto += other;
    }
    unsigned ahead = upto - sum;
    if (ahead < wanted && wanted <= upto) {
        unsigned bin = lane * (MANY / 32);
        while (ahead + bins[bin] < wanted) ahead += bins[bin++];
        digit = bin, before = ahead;
    }
}

// Narrows the k-th of the keys that `each` uses down, digit by digit from the first bit in which keys differ, until it
// is known or not more than `enough` come first or share what is known (Alabi et al., "Fast k-selection algorithms for
// graphics processing units", 2012).
template <typename Each> __device__ __forceinline__ Known narrowed(Each each, unsigned k, unsigned enough) {
    __shared__ unsigned bins[BINS], digit, before;
    __shared__ Key least, most;
    unsigned lane = threadIdx.x % 32;
    if (threadIdx.x == 0) least = LAST, most = 0;
    __syncthreads();
    Key low = LAST, high = 0;
    each([&](Key key, unsigned) {
        low = min(low, key);
        high = max(high, key);
        return true;
    });
    low = least_of_warp(low);
    high = LAST - least_of_warp(LAST - high);
    if (lane == 0) atomicMin(&least, low), atomicMax(&most, high);
    __syncthreads();
    Known known = {0, 0, k, false};
    while (without(least ^ most, known.open)) known.open++;
    known.bits = without(least, known.open);
    while (known.open && !known.all) {
        int bits = known.open < DIGIT ? known.open : DIGIT;
        for (int i = threadIdx.x; i < BINS; i += blockDim.x) bins[i] = 0;
        __syncthreads();
        each([&](Key key, unsigned) {
            if (without(key, known.open) == known.bits) {
                atomicAdd(&bins[(key >> (known.open - bits)) & ((1 << bits) - 1)], 1);
            }
            return true;
        });
        __syncthreads();
        if (threadIdx.x < 32) find_digit<BINS>(bins, known.wanted, digit, before);
        __syncthreads();
        known = {known.bits << bits | digit, known.open - bits, known.wanted - before, false};
        known.all = bins[digit] == known.wanted;
        bool is_enough = k - known.wanted + bins[digit] <= enough;
        __syncthreads();
        if (is_enough) break;
    }
    return known;
}

// Makes entries in `memory` of the k first, in any order and with maybe some that come next, and returns how many they
// are. There is room for `capacity`, at least parts * blockDim.x. A k beyond it leaves entries in `overflow` instead.
//
// Each thread finds the least key of every so many elements, `parts` times. As these are distinct elements, the k-th
// least of what was found is no less than the k-th of all, and few elements are less. Where they are too many, for ties
// or for a large k, the k-th key is found digit by digit, and of its equals the first in the row are taken.
__device__ __noinline__ unsigned collect(Source source, int k, int parts, int capacity, Entry* overflow) {
    __shared__ unsigned found, warps[32];
    Entry* entries = (Entry*)memory;
    unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, chunks = source.chunks(), *blocks = source.blocks;
    if (threadIdx.x == 0) found = 0;
    __syncthreads();

    bool few = parts;
    if (few) {
        for (unsigned part = 0, length = (chunks + parts - 1) / parts; part < parts; part++) {
            Key low = LAST;
            source.some(part * length, min((part + 1) * length, chunks), [&](Key key, unsigned) {
                low = min(low, key);
                return true;
            });
            entries[part * blockDim.x + threadIdx.x] = entry_of(low, 0);
        }
        auto samples = [&](auto use) {
            for (unsigned part = 0; part < parts; part++) use(key_in(entries[part * blockDim.x + threadIdx.x]), 0u);
        };
        Key bound = narrowed(samples, k, k + k / 4).bound();
        source([&](Key key, unsigned position) {
            if (key > bound) return true;
            unsigned slot = atomicAdd(&found, 1);
            if (slot < capacity) entries[slot] = entry_of(key, position);
            return slot < capacity;  // else they are too many
        });
        __syncthreads();
        few = found <= capacity;
    }
    if (!few) {
        if (blocks && source.many <= capacity) {  // positions must ascend
            for (unsigned i = threadIdx.x; i < source.many; i += blockDim.x) entries[i] = entry_of(0, blocks[i]);
            sort(entries, source.many);
            for (unsigned i = threadIdx.x; i < source.many; i += blockDim.x) blocks[i] = position_in(entries[i]);
            __syncthreads();
        }
        Known known = narrowed(source, k, 0);
        // What is ahead of the k-th key goes to the first places, in any order, and so do its equals if all are wanted.
        if (threadIdx.x == 0) found = 0;
        __syncthreads();
        auto keep = [&](Key key, unsigned position, unsigned place) {
            (k <= capacity ? entries : overflow)[place] = entry_of(key, position);
        };
        source([&](Key key, unsigned position) {
            Key bits = without(key, known.open);
            if (bits < known.bits || (known.all && bits == known.bits)) keep(key, position, atomicAdd(&found, 1));
            return true;
        });
        // Else of its equals the first that are wanted, which are found in the order of the row.
        unsigned place = k - known.wanted;
        for (unsigned start = 0; !known.all && place < k; start += blockDim.x) {
            unsigned i = start + threadIdx.x, p = i / EACH < chunks ? source.start(i / EACH) + i % EACH : source.n;
            bool equal = p < source.n && source.key(source.row[p]) == known.bits;
            unsigned mask = __ballot_sync(ALL_LANES, equal);
            if (lane == 0) warps[warp] = __popc(mask);
            __syncthreads();
            unsigned mine = place + __popc(mask & ((1u << lane) - 1));
            for (unsigned i = 0; i < blockDim.x / 32; i++) {
                if (i < warp) mine += warps[i];
                place += warps[i];
            }
            if (equal && mine < k) keep(known.bits, p, mine);
            __syncthreads();
        }
    }
    unsigned count = few ? found : k <= capacity ? k : 0;
    __syncthreads();
    return count;
}
