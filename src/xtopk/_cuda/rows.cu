// The k first in rank order of each row, or of k blocks of it, by the threads of one block.
//
// Each thread finds the least key of every so many elements, `parts` times. As these are distinct elements, the k-th
// least of what was found is no less than the k-th of all, and few elements are less. These are collected and sorted by
// key and position. Where they are too many, for ties or for a large k, the k-th key is found digit by digit, from the
// first bit in which keys differ (Alabi et al., "Fast k-selection algorithms for graphics processing units", 2012), and
// of its equals the first in the row are taken.

struct Entry {
    Key key;
    unsigned position;
};

const int DIGIT = 8, BINS = 1 << DIGIT, TOGETHER = BITS == 8 ? 1 : 2;

extern __shared__ unsigned char memory[];

__device__ __forceinline__ bool precedes(Entry a, Entry b) {
    return a.key < b.key || (a.key == b.key && a.position < b.position);
}

__device__ __forceinline__ Key without(Key key, int bits) { return bits < BITS ? key >> bits : 0; }

// Sorts so many entries, filled up to a power of two with what comes last (Batcher's bitonic sorter).
__device__ void sort(Entry* entries, unsigned count) {
    unsigned full = 1;
    while (full < count) full *= 2;
    for (unsigned i = count + threadIdx.x; i < full; i += blockDim.x) entries[i] = {LAST, NOWHERE};
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
__device__ void put(const Word* x, int k, unsigned count, Word* values, long long* indices) {
    Entry* entries = (Entry*)memory;
    if (!count) return;
    sort(entries, count);
    for (int i = threadIdx.x; i < k; i += blockDim.x) {
        indices[i] = entries[i].position;
        if (values) values[i] = x[entries[i].position];
    }
}

// The elements of a row to choose from: all, or where `blocks` is not null those of so many blocks, each of 2**shift
// elements, the last maybe fewer.
struct Source {
    const Word* row;
    int n;
    bool are_keys;
    unsigned *blocks, many;
    int shift;

    __device__ __forceinline__ Key key(Word word) const { return are_keys ? word : key_of(word); }
};

// Makes entries in `memory` of the k first, in any order and with maybe some that come next, and returns how many they
// are. There is room for `capacity`, at least parts * blockDim.x. A k beyond it leaves no entries but positions in
// `overflow`, in any order, below keys if these are not what is chosen from and have up to 32 bits.
__device__ __noinline__ unsigned collect(Source source, int k, int parts, int capacity, long long* overflow) {
    __shared__ unsigned bins[BINS], found, digit, before, warps[32];
    __shared__ Key least, most;
    Entry* entries = (Entry*)memory;
    unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, *blocks = source.blocks;
    const Word* x = source.row;
    int n = source.n;
    unsigned per_block = (1u << source.shift) / EACH;
    unsigned chunks = blocks ? source.many * per_block : (n + EACH - 1) / EACH;
    auto start_of = [&](unsigned chunk) -> unsigned {
        return (blocks ? blocks[chunk / per_block] * per_block + chunk % per_block : chunk) * EACH;
    };
    auto some = [&](unsigned from, unsigned to, auto use) {  // with so many loads under way at once
        for (unsigned first = from + threadIdx.x; first < to; first += TOGETHER * blockDim.x) {
            unsigned starts[TOGETHER];
            Chunk loaded[TOGETHER];
#pragma unroll
            for (int j = 0; j < TOGETHER; j++) {
                unsigned chunk = first + j * blockDim.x;
                starts[j] = chunk < to ? start_of(chunk) : n;
                loaded[j].load(x + starts[j], (long long)n - starts[j]);
            }
#pragma unroll
            for (int j = 0; j < TOGETHER; j++) {
#pragma unroll
                for (int i = 0; i < EACH; i++) {
                    if (i < loaded[j].usable && !use(source.key(loaded[j].word(i)), starts[j] + i)) return;
                }
            }
        }
    };
    auto each = [&](auto use) { some(0, chunks, use); };
    if (threadIdx.x == 0) found = 0, least = LAST, most = 0;
    __syncthreads();

    bool few = parts;
    if (few) {
        for (unsigned part = 0, length = (chunks + parts - 1) / parts; part < parts; part++) {
            Key low = LAST;
            some(part * length, min((part + 1) * length, chunks), [&](Key key, unsigned) {
                low = min(low, key);
                return true;
            });
            entries[part * blockDim.x + threadIdx.x] = {low, 0};
        }
        __syncthreads();
        sort(entries, parts * blockDim.x);
        Key bound = entries[k - 1].key;
        __syncthreads();
        each([&](Key key, unsigned position) {
            if (key > bound) return true;
            unsigned slot = atomicAdd(&found, 1);
            if (slot < capacity) entries[slot] = {key, position};
            return slot < capacity;  // else they are too many
        });
        __syncthreads();
        few = found <= capacity;
    }
    if (!few) {
        if (blocks && source.many <= capacity) {  // positions must ascend
            for (unsigned i = threadIdx.x; i < source.many; i += blockDim.x) entries[i] = {0, blocks[i]};
            sort(entries, source.many);
            for (unsigned i = threadIdx.x; i < source.many; i += blockDim.x) blocks[i] = entries[i].position;
            __syncthreads();
        }
        Key low = LAST, high = 0;
        each([&](Key key, unsigned) {
            low = min(low, key);
            high = max(high, key);
            return true;
        });
        atomicMin(&least, low);
        atomicMax(&most, high);
        __syncthreads();
        int open = 0;  // bits below those that are known of the k-th key
        while (without(least, open) != without(most, open)) open++;
        Key known = without(least, open);
        unsigned wanted = k;  // the number of the k-th among those that share the known bits, counted from 1
        bool all = false;     // of these all are wanted
        while (open && !all) {
            int bits = open < DIGIT ? open : DIGIT;
            for (int i = threadIdx.x; i < BINS; i += blockDim.x) bins[i] = 0;
            __syncthreads();
            each([&](Key key, unsigned) {
                if (without(key, open) == known) atomicAdd(&bins[(key >> (open - bits)) & ((1 << bits) - 1)], 1);
                return true;
            });
            __syncthreads();
            if (warp == 0) {
                unsigned sum = 0, upto;
                for (int i = 0; i < BINS / 32; i++) sum += bins[lane * (BINS / 32) + i];
                upto = sum;
                for (int step = 1; step < 32; step *= 2) {
                    unsigned other = __shfl_up_sync(ALL_LANES, upto, step);
                    if (lane >= step) upto += other;
                }
                unsigned ahead = upto - sum;
                if (ahead < wanted && wanted <= upto) {
                    unsigned bin = lane * (BINS / 32);
                    while (ahead + bins[bin] < wanted) ahead += bins[bin++];
                    digit = bin, before = ahead;
                }
            }
            __syncthreads();
            open -= bits;
            known = known << bits | digit;
            wanted -= before;
            all = bins[digit] == wanted;
            __syncthreads();
        }
        // What is ahead of the k-th key goes to the first places, in any order, and so do its equals if all are wanted.
        if (threadIdx.x == 0) found = 0;
        __syncthreads();
        auto keep = [&](Key key, unsigned position, unsigned place) {
            if (k <= capacity) entries[place] = {key, position};
            else overflow[place] = BITS == 64 || source.are_keys ? position : (long long)(key ^ 0x80000000) << 32 | position;
        };
        each([&](Key key, unsigned position) {
            if (without(key, open) < known || (all && without(key, open) == known)) keep(key, position, atomicAdd(&found, 1));
            return true;
        });
        // Else of its equals the first that are wanted, which are found in the order of the row.
        unsigned place = k - wanted;
        for (unsigned start = 0; !all && place < k; start += blockDim.x) {
            unsigned i = start + threadIdx.x, p = i / EACH < chunks ? start_of(i / EACH) + i % EACH : n;
            bool equal = p < n && source.key(x[p]) == known;
            unsigned mask = __ballot_sync(ALL_LANES, equal);
            if (lane == 0) warps[warp] = __popc(mask);
            __syncthreads();
            unsigned mine = place + __popc(mask & ((1u << lane) - 1));
            for (unsigned i = 0; i < blockDim.x / 32; i++) {
                if (i < warp) mine += warps[i];
                place += warps[i];
            }
            if (equal && mine < k) keep(known, p, mine);
            __syncthreads();
        }
    }
    unsigned count = few ? found : k <= capacity ? k : 0;
    __syncthreads();
    return count;
}

// `blocks` and `shift` are null and 0 where all of a row is chosen from.
extern "C" __global__ void __launch_bounds__(1024) select_in_rows(
    const Word* x, long long stride, int n, int are_keys, unsigned* blocks, int shift, int k, int parts, int capacity,
    Word* values, long long* indices) {
    long long row = blockIdx.x;
    x += row * stride;
    if (blocks) blocks += row * k;
    if (values) values += row * k;
    indices += row * k;
    put(x, k, collect({x, n, (bool)are_keys, blocks, (unsigned)k, shift}, k, parts, capacity, indices), values, indices);
}

// The k best tiles are chosen where there are more, among their blocks the k best, and among the elements of these. Each
// row of `maxima` holds those of blocks, those of tiles, and room for `capacity` numbers.
extern "C" __global__ void __launch_bounds__(1024) select_in_tiles(
    const Word* x, long long stride, int n, Word* maxima, long long pitch, int tiles, int start_of_tiles,
    int start_of_room, int shift, int shift_of_tiles, int k, int parts, int capacity, Word* values, long long* indices) {
    long long row = blockIdx.x;
    x += row * stride;
    maxima += row * pitch;
    unsigned *chosen = (unsigned*)(maxima + start_of_room), many = 0;
    auto choose = [&](Source source) {
        many = collect(source, k, parts, capacity, nullptr);
        for (unsigned i = threadIdx.x; i < many; i += blockDim.x) chosen[i] = ((Entry*)memory)[i].position;
        __syncthreads();
    };
    if (k < tiles) choose({maxima + start_of_tiles, tiles, true, nullptr, 0, 0});
    choose({maxima, tiles << shift_of_tiles, true, many ? chosen : nullptr, many, shift_of_tiles});
    many = collect({x, n, false, chosen, many, shift}, k, parts, capacity, nullptr);
    put(x, k, many, values + row * k, indices + row * k);
}
