// Keys: unsigned integers that ascend in rank order and are equal exactly where elements tie, as xtopk._order.rank_key.
//
// Compiled with BITS (of an element: 8, 16, 32, 64), KIND (0 unsigned, 1 signed, 2 floating point), INFINITY_BITS,
// LARGEST and NAN_FIRST. No header is needed.

#if BITS == 64
typedef unsigned long long Word, Key;
#elif BITS == 32
typedef unsigned int Word, Key;
#elif BITS == 16
typedef unsigned short Word;
typedef unsigned int Key;
#else
typedef unsigned char Word;
typedef unsigned int Key;
#endif

const Key SIGN = (Key)1 << (BITS - 1), LAST = SIGN - 1 + SIGN;  // LAST is NaN's that rank last, too
const unsigned NOWHERE = 0xFFFFFFFF, ALL_LANES = 0xFFFFFFFF;  // no position

__device__ __forceinline__ Key key_of(Word word) {
#if KIND == 2
    Key magnitude = word & (SIGN - 1);
    if (magnitude > INFINITY_BITS) return NAN_FIRST ? 0 : LAST;
    return ((word & SIGN) != 0) != LARGEST ? SIGN - magnitude : SIGN + magnitude;
#else
    Key key = KIND == 1 ? word ^ SIGN : word;
    return LARGEST ? LAST - key : key;
#endif
}

// Elements beside one another, as many as one load of 16 bytes holds.
const int EACH = 16 / sizeof(Word);

struct Chunk {
    uint4 words;
    int usable;

    // Reads up to EACH elements from `start`, which has `left` from there on.
    __device__ __forceinline__ void load(const Word* start, long long left) {
        usable = left < EACH ? (left > 0 ? (int)left : 0) : EACH;
        if (usable == EACH && (unsigned long long)start % 16 == 0) {
            words = *(const uint4*)start;
        } else {
#pragma unroll
            for (int i = 0; i < EACH; i++) ((Word*)&words)[i] = i < usable ? start[i] : 0;
        }
    }

    __device__ __forceinline__ Word word(int i) const { return ((const Word*)&words)[i]; }
};

// The least of `lanes` lanes beside one another, a power of two of them; in every one.
template <typename T> __device__ __forceinline__ T least_of(T mine, int lanes) {
    for (int step = lanes / 2; step; step /= 2) {
        T other = __shfl_xor_sync(ALL_LANES, mine, step);
        mine = other < mine ? other : mine;
    }
    return mine;
}

__device__ __forceinline__ unsigned least_of_warp(unsigned mine) {
#if __CUDA_ARCH__ >= 800
    return __reduce_min_sync(ALL_LANES, mine);
#else
    return least_of(mine, 32);
#endif
}

__device__ __forceinline__ unsigned long long least_of_warp(unsigned long long mine) { return least_of(mine, 32); }
