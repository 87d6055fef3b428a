// Keys: unsigned integers that ascend in rank order and are equal exactly where elements tie, as xtopk._order.rank_key.
//
// Compiled with BITS (of an element: 8, 16, 32, 64), KIND (0 unsigned, 1 signed, 2 floating point), INFINITY_BITS,
// LARGEST and NAN_FIRST. No header is needed.

// Kernels are inlined into one that has what they are given as constants, where a library passes pointers only.
#ifdef INLINED
#define KERNEL(threads) static __device__ __forceinline__ void
#else
#define KERNEL(threads) extern "C" __global__ void __launch_bounds__(threads)
#endif

// What positions along a row are written as.
#ifndef INDEX
#define INDEX long long
#endif

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

// An element that has LAST, or comes after all others where no element has.
const Word FILL = KIND == 2 ? (NAN_FIRST ? SIGN | INFINITY_BITS : INFINITY_BITS | INFINITY_BITS >> 1)
                            : (LARGEST ? 0 : LAST) ^ (KIND == 1 ? SIGN : 0);

// Elements that lie together in 32 bits; one of 64 as its key.
#if BITS == 64
typedef Key Packed;
#else
typedef unsigned Packed;
#endif

// The first in rank order at each place, by one instruction where there is one. A NaN may become another.
__device__ __forceinline__ Packed first_of(Packed a, Packed b) {
#if BITS == 64
    return min(a, b);
#elif KIND == 2 && __CUDA_ARCH__ >= 800 && defined(__CUDACC__)
#if NAN_FIRST
#define FIRST "max.NaN."
#elif LARGEST
#define FIRST "max."
#else
#define FIRST "min."
#endif
    Packed first;
#if BITS == 32
    asm(FIRST "f32 %0, %1, %2;" : "=r"(first) : "r"(a), "r"(b));
#elif INFINITY_BITS == 0x7F80
    asm(FIRST "bf16x2 %0, %1, %2;" : "=r"(first) : "r"(a), "r"(b));
#else
    asm(FIRST "f16x2 %0, %1, %2;" : "=r"(first) : "r"(a), "r"(b));
#endif
    return first;
#elif KIND == 1 && BITS == 32
    return LARGEST ? max((int)a, (int)b) : min((int)a, (int)b);
#elif KIND == 0 && BITS == 32
    return LARGEST ? max(a, b) : min(a, b);
#elif KIND == 1 && BITS == 16
    return LARGEST ? __vmaxs2(a, b) : __vmins2(a, b);
#elif KIND == 0 && BITS == 16
    return LARGEST ? __vmaxu2(a, b) : __vminu2(a, b);
#elif KIND == 1
    return LARGEST ? __vmaxs4(a, b) : __vmins4(a, b);
#elif KIND == 0
    return LARGEST ? __vmaxu4(a, b) : __vminu4(a, b);
#else
    Packed first = 0;
    for (int shift = 0; shift < 32; shift += BITS) {
        Word left = a >> shift, right = b >> shift;
        first |= (Packed)(key_of(right) < key_of(left) ? right : left) << shift;
    }
    return first;
#endif
}

// The first key of what lies together.
__device__ __forceinline__ Key first_key(Packed packed) {
#if BITS == 64
    return packed;
#else
    Key first = LAST;
#pragma unroll
    for (int shift = 0; shift < 32; shift += BITS) first = min(first, key_of(packed >> shift));
    return first;
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
            for (int i = 0; i < EACH; i++) ((Word*)&words)[i] = i < usable ? start[i] : FILL;
        }
    }

    __device__ __forceinline__ Word word(int i) const { return ((const Word*)&words)[i]; }

    // The first in rank order of the elements at each place.
    __device__ __forceinline__ Packed first() const {
#if BITS == 64
        return first_of(key_of(word(0)), key_of(word(1)));
#else
        return first_of(first_of(words.x, words.y), first_of(words.z, words.w));
#endif
    }
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
