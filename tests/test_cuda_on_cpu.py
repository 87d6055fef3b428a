"""Kernels that run on the CPU give what CUDA specifies, or say what they did wrong."""

import numpy as np
import pytest

from tests.cuda_on_cpu import UNAVAILABLE, KernelError, Module, compiled

pytestmark = pytest.mark.skipif(bool(UNAVAILABLE), reason=UNAVAILABLE)

SOURCE = r"""
#define FULL 0xffffffffu

template <class T>
__device__ __forceinline__ T warp_sum(T value) {
    #pragma unroll
    for (int by = 16; by > 0; by >>= 1) value += __shfl_xor_sync(FULL, value, by);
    return value;
}

template <class T>
__device__ T block_sum(T value) {
    __shared__ T sums[32];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    value = warp_sum(value);
    if (lane == 0) sums[warp] = value;
    __syncthreads();
    value = warp_sum(lane < blockDim.x / 32 ? sums[lane] : T(0));
    __syncthreads();
    return value;
}

extern "C" __global__ void __launch_bounds__(BLOCK) sums(
    const int* __restrict__ x, long long* y, double* z, int n, long long offset
) {
    long long mine = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) mine += __ldg(x + blockIdx.x * n + i);
    long long all = block_sum(mine);
    double real = block_sum(double(mine));
    if (threadIdx.x == 0) y[blockIdx.x] = all + offset, z[blockIdx.x] = real;
}

extern "C" __global__ void reversed(const unsigned* x, unsigned* y, int n) {
    extern __shared__ unsigned char memory[];
    unsigned* values = reinterpret_cast<unsigned*>(memory);
    for (int i = threadIdx.x; i < n; i += blockDim.x) values[i] = x[i];
#ifndef NO_BARRIER
    __syncthreads();
#endif
    for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = values[n - 1 - i];
}

extern "C" __global__ void lanes(const unsigned* x, unsigned* y) {
    unsigned v = x[threadIdx.x];
    unsigned* to = y + threadIdx.x * 8;
    to[0] = __ballot_sync(FULL, v & 1);
    to[1] = __reduce_min_sync(FULL, v), to[2] = __reduce_max_sync(FULL, v), to[3] = __reduce_add_sync(FULL, v);
    to[4] = __shfl_up_sync(FULL, v, 3);
    to[5] = __shfl_sync(FULL, v, 7);
    __syncwarp();
    to[6] = __shfl_xor_sync(FULL, v, 5);
    to[7] = __syncthreads_or(v == 77);
}

extern "C" __global__ void atomics(const unsigned long long* x, unsigned long long* y, unsigned* count) {
    __shared__ unsigned long long low, high;
    __shared__ unsigned mask;
    if (threadIdx.x == 0) low = ~0ull, high = 0, mask = 0;
    __syncthreads();
    unsigned long long v = x[blockIdx.x * blockDim.x + threadIdx.x];
    atomicMin(&low, v), atomicMax(&high, v);
    atomicOr(&mask, 1u << (v & 31));
    __syncthreads();
    if (threadIdx.x == 0) {
        atomicMin(y, low), atomicMax(y + 1, high), atomicAdd(y + 2, 1), atomicAdd(count, __popc(mask));
    }
}

extern "C" __global__ void places(uint4* y) {
    unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    y[block * blockDim.x * blockDim.y * blockDim.z + thread] = make_uint4(block, threadIdx.x, threadIdx.y, threadIdx.z);
}

extern "C" __global__ void bits(const unsigned long long* x, int* y) {
    unsigned long long v = x[threadIdx.x];
    int* to = y + threadIdx.x * 5;
    to[0] = __popcll(v), to[1] = __clzll(v), to[2] = __clz(int(v)), to[3] = __ffs(int(v)), to[4] = max(to[1], 40);
}

extern "C" __global__ void unset(unsigned* y) {
    __shared__ unsigned value;
    y[threadIdx.x] = value;
    __syncthreads();
    value = 1;
}

extern "C" __global__ void wrong(int how, int* x, int n) {
    __shared__ int few[4];
    if (how == 0 && threadIdx.x < 16) return;
    if (how == 1) {
        if (threadIdx.x < 32) __syncthreads();
        else
            __syncthreads();
    }
    if (how == 2 && threadIdx.x % 32 < 16) __syncwarp();
    if (how == 3) {
        if (threadIdx.x % 2) __shfl_sync(FULL, 1, 0);
        else
            __syncthreads();
    }
    if (how == 4) __shfl_sync(1u, 1, 0);
    if (how == 5) __trap();
    if (how == 6) x[n] = reinterpret_cast<uint4*>(x + 1)->x;
    if (how == 7) x[n] = 1 << (n + 32);
    if (how == 8) few[n + 4] = 1;
    if (how == 9) reinterpret_cast<int*>(static_cast<long long>(n))[4] = 1;
    if (how == 10 && threadIdx.x < 32) return;
    __syncthreads();
}

extern "C" __global__ void barriers(unsigned* y, int n) {
    __shared__ unsigned turn;
    if (threadIdx.x == 0) turn = 0;
    for (int i = 0; i < n; ++i) {
        __syncthreads();
        if (threadIdx.x == i % blockDim.x) turn = turn * 3 + i;
    }
    __syncthreads();
    y[threadIdx.x] = turn;
}

extern "C" __global__ void collectives(unsigned* y, int n) {
    unsigned v = threadIdx.x;
    for (int i = 0; i < n; ++i) v += __shfl_xor_sync(FULL, v, 1 + i % 31);
    y[blockIdx.x * blockDim.x + threadIdx.x] = v;
}
"""


@pytest.fixture(scope="module")
def module() -> Module:
    return compiled(SOURCE, (("BLOCK", "256"),))


@pytest.mark.parametrize("seed", range(5))
def test_sums_of_blocks(module: Module, seed: int) -> None:
    x = np.random.default_rng(seed).integers(-(2**31), 2**31, (7, 1000), np.int32)
    y, z = np.zeros(7, np.int64), np.zeros(7)
    module.launch("sums", (7, 1, 1), (256, 1, 1), [x, y, z, 1000, np.int64(2**40)], seed=seed)
    np.testing.assert_array_equal(y, x.sum(1, dtype=np.int64) + 2**40)
    np.testing.assert_array_equal(z, x.sum(1, dtype=np.int64))


def test_dynamic_shared_memory(module: Module) -> None:
    x = np.arange(5000, dtype=np.uint32)
    y = np.zeros_like(x)
    module.launch("reversed", (1, 1, 1), (96, 1, 1), [x, y, 5000], shared=20000)
    np.testing.assert_array_equal(y, x[::-1])


def test_a_missing_barrier_shows() -> None:
    x = np.arange(256, dtype=np.uint32)
    module = compiled(SOURCE, (("BLOCK", "256"), ("NO_BARRIER", "1")))
    for seed in range(5):
        y = np.zeros_like(x)
        module.launch("reversed", (1, 1, 1), (256, 1, 1), [x, y, 256], shared=1024, seed=seed)
        assert (y == 0xABABABAB).any()


@pytest.mark.parametrize("special", [76, 77])
def test_collectives(module: Module, special: int) -> None:
    x = np.random.default_rng(0).integers(1000, 2**20, 64, np.uint32)
    x[40] = special
    y = np.zeros((64, 8), np.uint32)
    module.launch("lanes", (1, 1, 1), (64, 1, 1), [x, y], seed=3)
    for warp, got in zip(x.reshape(2, 32), y.reshape(2, 32, 8), strict=True):
        lane = np.arange(32, dtype=np.uint32)
        ballot = ((warp & 1) << lane).sum()
        same = np.array([ballot, warp.min(), warp.max(), warp.sum()])
        np.testing.assert_array_equal(got[:, :4], np.broadcast_to(same, (32, 4)))
        np.testing.assert_array_equal(got[:, 4], np.concatenate([warp[:3], warp[:-3]]))
        np.testing.assert_array_equal(got[:, 5], warp[7])
        np.testing.assert_array_equal(got[:, 6], warp[lane ^ 5])
        np.testing.assert_array_equal(got[:, 7], special == 77)


def test_atomics(module: Module) -> None:
    x = np.random.default_rng(0).integers(0, 2**64, (9, 128), np.uint64)
    y, count = np.array([2**64 - 1, 0, 0], np.uint64), np.zeros(1, np.uint32)
    module.launch("atomics", (9, 1, 1), (128, 1, 1), [x, y, count])
    assert y.tolist() == [x.min(), x.max(), 9]
    assert count == sum(np.unique(row & np.uint64(31)).size for row in x)


def test_places(module: Module) -> None:
    raw = np.zeros(24 * 30 * 4 + 4, np.uint32)
    y = raw[-raw.ctypes.data % 16 // 4 :][: 24 * 30 * 4].reshape(24, 5, 3, 2, 4)
    module.launch("places", (4, 3, 2), (2, 3, 5), [y])
    np.testing.assert_array_equal(y[..., 0], np.broadcast_to(np.arange(24)[:, None, None, None], y.shape[:-1]))
    np.testing.assert_array_equal(y[0, ..., 1:], np.moveaxis(np.indices((5, 3, 2))[::-1], 0, -1))


def test_bits(module: Module) -> None:
    x = np.array([0, 1, 2**63, 0xFFFFFFFF, 6], np.uint64)
    y = np.zeros((5, 5), np.int32)
    module.launch("bits", (1, 1, 1), (5, 1, 1), [x, y])
    expected = [[0, 64, 32, 0, 64], [1, 63, 31, 1, 63], [1, 0, 32, 0, 40], [32, 32, 0, 1, 40], [2, 61, 29, 2, 61]]
    assert y.tolist() == expected


def test_shared_memory_starts_poisoned(module: Module) -> None:
    y = np.zeros(32, np.uint32)
    module.launch("unset", (3, 1, 1), (32, 1, 1), [y])
    assert (y == 0xABABABAB).all()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (0, "__syncthreads at line 109: not all threads of the block take part"),
        (1, "waits there, thread .* waits in __syncthreads at line 9[24]"),
        (2, "__syncwarp at line 96: not all lanes of the warp take part"),
        (3, "__shfl_sync at line 98: not all lanes of the warp take part"),
        (4, "__shfl_sync at line 102: the mask is 0x1"),
        (5, r"thread \(\d+, 0, 0\): __trap"),
        (6, "undefined behaviour at line 104: type_mismatch"),
        (7, "undefined behaviour at line 105: shift_out_of_bounds"),
        (8, "undefined behaviour at line 106: out_of_bounds"),
        (9, "Segmentation fault at address 0x10"),
        (10, r"thread \(0, 0, 0\) has exited"),
    ],
)
def test_what_a_kernel_does_wrong(module: Module, how: int, message: str) -> None:
    for seed in range(3):
        x = np.zeros(8, np.int32)
        x = x[x.ctypes.data % 16 // 4 :]
        with pytest.raises(KernelError, match=message):
            module.launch("wrong", (2, 1, 1), (64, 1, 1), [how, x, 0], seed=seed)
    module.launch("wrong", (2, 1, 1), (64, 1, 1), [-1, None, 0])


def test_refused_launches(module: Module) -> None:
    with pytest.raises(KernelError, match="shape is refused"):
        module.launch("unset", (1, 1, 1), (1025, 1, 1), [None])
    with pytest.raises(TypeError, match="sums takes 5 arguments, not 1"):
        module.launch("sums", (1, 1, 1), (32, 1, 1), [None])
    with pytest.raises(TypeError, match=r"argument 4 of sums must be a int64, not 5\.0"):
        module.launch("sums", (1, 1, 1), (32, 1, 1), [None, None, None, 5, 5.0])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="argument 0 of unset must be an array or None, not 5"):
        module.launch("unset", (1, 1, 1), (32, 1, 1), [5])


def test_what_does_not_compile() -> None:
    with pytest.raises(KernelError, match=r"kernels\.cu:2:.*oops. was not declared"):
        compiled('\nextern "C" __global__ void f() { oops(); }')
    with pytest.raises(KernelError, match="CUDA has no atomicAdd of this type"):
        compiled('extern "C" __global__ void f(long long* x) { atomicAdd(x, 1); }')


def test_many_barriers(module: Module) -> None:
    y = np.zeros(1024, np.uint32)
    module.launch("barriers", (1, 1, 1), (1024, 1, 1), [y, 200], seed=1)
    turn = 0
    for i in range(200):
        turn = (turn * 3 + i) % 2**32
    assert (y == turn).all()


def test_many_collectives(module: Module) -> None:
    y = np.zeros((200, 256), np.uint32)
    module.launch("collectives", (200, 1, 1), (256, 1, 1), [y, 100], seed=1)
    x = np.arange(256, dtype=np.uint32)
    lane = np.arange(256)
    for i in range(100):
        x = x + x[lane ^ (1 + i % 31)]
    np.testing.assert_array_equal(y, np.broadcast_to(x, y.shape))
