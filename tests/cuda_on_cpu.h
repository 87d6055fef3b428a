// Runs the kernels of a header-free CUDA C++ source on the CPU: tests/cuda_on_cpu.py puts this file before the source.
//
// The threads of a block are fibers of one OS thread and the blocks run one after another, all in an order that the
// seed shuffles. A fiber runs until it exits, meets a barrier or meets a collective of its warp. What a GPU would
// answer with a hang or with garbage fails here: a barrier that some threads of the block leave out, a collective
// that some lanes of the warp leave out, a bad address, undefined behaviour, too long a run.
#pragma once

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iterator>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <type_traits>
#include <ucontext.h>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
#define __shared__ static __attribute__((section("shared_memory"), used))

struct uint3 { unsigned x, y, z; };
using dim3 = uint3;
#define VECTORS(type, name)                                                                                     \
    struct alignas(2 * sizeof(type)) name##2 { type x, y; };                                                    \
    struct alignas(sizeof(type) < 8 ? 4 * sizeof(type) : 16) name##4 { type x, y, z, w; };                      \
    inline name##2 make_##name##2(type x, type y) { return {x, y}; }                                            \
    inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
VECTORS(signed char, char)
VECTORS(unsigned char, uchar)
VECTORS(short, short)
VECTORS(unsigned short, ushort)
VECTORS(int, int)
VECTORS(unsigned, uint)
VECTORS(long long, longlong)
VECTORS(unsigned long long, ulonglong)
VECTORS(float, float)
VECTORS(double, double)
#undef VECTORS

static uint3 threadIdx, blockIdx, blockDim, gridDim;
constexpr int warpSize = 32;

extern "C" __attribute__((weak, visibility("hidden"))) char __start_shared_memory[], __stop_shared_memory[];

namespace cuda_on_cpu {

constexpr int THREADS = 1024, DYNAMIC = 227 << 10, SECONDS = 60, POISON = 0xAB;
constexpr std::size_t PAGE = 4096, STACK = 33 * PAGE;

enum State { READY, AT_BARRIER, IN_COLLECTIVE, EXITED };

struct Fiber {
    jmp_buf resume;
    bool started;
    State state;
    const char* what;  // it waits for, at this line
    int line;
    std::uint64_t value;
    uint3 index;
};

struct Line { int number; };

alignas(1024) static unsigned char dynamic[DYNAMIC];
static Fiber fibers[THREADS], *current;
static std::uint64_t snapshots[THREADS / warpSize][warpSize];  // what the lanes brought to the last collective
static int threads, votes;
static char* stacks;
static jmp_buf scheduler, failure;
static char message[512];
static std::uint32_t state_of_random;
static std::function<void()> kernel;

inline unsigned below(unsigned limit) {  // at random: xorshift
    state_of_random ^= state_of_random << 13, state_of_random ^= state_of_random >> 17;
    state_of_random ^= state_of_random << 5;
    return static_cast<unsigned>(static_cast<std::uint64_t>(state_of_random) * limit >> 32);
}

[[noreturn, gnu::format(printf, 1, 2)]] inline void fail(const char* format, ...) {
    int size = std::snprintf(message, sizeof message, "block (%u, %u, %u)", blockIdx.x, blockIdx.y, blockIdx.z);
    if (current)
        size += std::snprintf(message + size, sizeof message - size, ", thread (%u, %u, %u)", threadIdx.x, threadIdx.y,
                              threadIdx.z);
    size += std::snprintf(message + size, sizeof message - size, ": ");
    va_list values;
    va_start(values, format);
    std::vsnprintf(message + size, sizeof message - size, format, values);
    va_end(values);
    _longjmp(failure, 1);
}

// Fibers ----------------------------------------------------------------------------------------------------------

__attribute__((noinline)) inline void suspend(State state) {
    current->state = state;
    if (!_setjmp(current->resume)) _longjmp(scheduler, 1);
}

inline void life_of_a_fiber() {  // one kernel call after another
    for (;;) kernel(), suspend(EXITED);
}

__attribute__((noinline)) inline void run(Fiber& fiber) {
    current = &fiber, threadIdx = fiber.index;
    if (_setjmp(scheduler)) {
        current = nullptr;
        return;
    }
    if (fiber.started) _longjmp(fiber.resume, 1);
    fiber.started = true;
    const std::size_t number = &fiber - fibers, colour = number * 320 % PAGE;  // or all stacks share a few cache sets
    static ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = stacks + number * STACK + PAGE;
    context.uc_stack.ss_size = STACK - PAGE - colour;
    makecontext(&context, life_of_a_fiber, 0);
    setcontext(&context);
}

// Meeting points --------------------------------------------------------------------------------------------------

inline void wait(State state, const char* what, Line line, std::uint64_t value) {
    current->what = what, current->line = line.number, current->value = value;
    suspend(state);
}

inline int barrier(const char* what, Line line, int vote = 0) {
    wait(AT_BARRIER, what, line, vote != 0);
    return votes;
}

inline const std::uint64_t* collective(const char* what, unsigned mask, Line line, std::uint64_t value = 0) {
    if (mask != ~0u) fail("%s at line %d: the mask is 0x%x, not that of all lanes", what, line.number, mask);
    const auto warp = (current - fibers) / warpSize;
    wait(IN_COLLECTIVE, what, line, value);
    return snapshots[warp];
}

inline void all_meet(const Fiber& one, const Fiber* group, int count, const char* members) {
    for (const Fiber* other = group; other < group + count; ++other) {
        if (other->state == one.state && other->line == one.line && !std::strcmp(other->what, one.what)) continue;
        const uint3 i = one.index, j = other->index;
        char instead[80] = "has exited";
        if (other->state != EXITED)
            std::snprintf(instead, sizeof instead, "waits in %s at line %d", other->what, other->line);
        fail("%s at line %d: not all %s take part: thread (%u, %u, %u) waits there, thread (%u, %u, %u) %s",
             one.what, one.line, members, i.x, i.y, i.z, j.x, j.y, j.z, instead);
    }
}

inline bool step(int warp) {  // runs its lanes until they wait; whether that was for a collective
    Fiber* const lanes = fibers + warp * warpSize;
    const int count = std::min(warpSize, threads - warp * warpSize);
    const unsigned first = below(warpSize), stride = below(warpSize) | 1;
    for (unsigned i = 0; i < warpSize; ++i) {
        const int lane = (first + i * stride) % warpSize;
        if (lane < count && lanes[lane].state == READY) run(lanes[lane]);
    }
    for (const Fiber* one = lanes; one < lanes + count; ++one) {
        if (one->state != IN_COLLECTIVE) continue;
        if (count < warpSize) fail("%s at line %d: the warp has only %d lanes", one->what, one->line, count);
        all_meet(*one, lanes, count, "lanes of the warp");
        for (int lane = 0; lane < warpSize; ++lane) {
            snapshots[warp][lane] = lanes[lane].value;
            lanes[lane].state = READY;
        }
        return true;
    }
    return false;
}

inline void run_block(std::size_t shared) {
    std::memset(__start_shared_memory, POISON, __stop_shared_memory - __start_shared_memory);
    std::memset(dynamic, POISON, shared);
    const int warps = (threads + warpSize - 1) / warpSize;
    int order[THREADS / warpSize];
    for (int warp = 0; warp < warps; ++warp) order[warp] = warp;
    for (unsigned i = 0; i < static_cast<unsigned>(threads); ++i) {
        fibers[i].state = READY;
        fibers[i].index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
    }
    for (;;) {
        for (int running = warps; running;) {
            const int pick = below(running);
            if (!step(order[pick])) std::swap(order[pick], order[--running]);
        }
        const Fiber* one = fibers;
        while (one < fibers + threads && one->state == EXITED) ++one;
        if (one == fibers + threads) return;
        all_meet(*one, fibers, threads, "threads of the block");
        votes = 0;
        for (Fiber* fiber = fibers; fiber < fibers + threads; ++fiber) votes += fiber->value, fiber->state = READY;
    }
}

// Launches --------------------------------------------------------------------------------------------------------

static pthread_t launcher;
constexpr int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGVTALRM};

inline void caught(int signal, siginfo_t* info, void*) {
    if (!pthread_equal(pthread_self(), launcher)) return void(pthread_kill(launcher, signal));
    if (signal == SIGVTALRM) fail("still running after %d seconds", SECONDS);
    fail("%s at address %p", strsignal(signal), info->si_addr);
}

struct Guard {  // catches the signals while it lives
    struct sigaction before[std::size(SIGNALS)];
    stack_t stack_before;

    Guard() {
        static char stack[64 << 10];
        const stack_t own{stack, 0, sizeof stack};
        sigaltstack(&own, &stack_before);
        struct sigaction action {};
        action.sa_sigaction = caught;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        for (std::size_t i = 0; i < std::size(SIGNALS); ++i) sigaction(SIGNALS[i], &action, &before[i]);
        timer(SECONDS);
    }

    ~Guard() {
        timer(0);
        for (std::size_t i = 0; i < std::size(SIGNALS); ++i) sigaction(SIGNALS[i], &before[i], nullptr);
        sigaltstack(&stack_before, nullptr);
    }

    static void timer(int seconds) {
        const itimerval value{{}, {seconds, 0}};
        setitimer(ITIMER_VIRTUAL, &value, nullptr);
    }
};

struct Shape { unsigned grid[3], block[3], shared, seed; };

inline void run_grid(const Shape& shape) {
    gridDim = {shape.grid[0], shape.grid[1], shape.grid[2]};
    blockDim = {shape.block[0], shape.block[1], shape.block[2]};
    const std::uint64_t size = std::uint64_t{blockDim.x} * blockDim.y * blockDim.z;
    const unsigned blocks = gridDim.x * gridDim.y * gridDim.z;
    if (!blocks || !size || size > THREADS || gridDim.y > 65535 || gridDim.z > 65535 || shape.shared > DYNAMIC)
        fail("a launch of this shape is refused");
    threads = static_cast<int>(size);
    state_of_random = (shape.seed + 1) * 2654435769u | 1;
    const unsigned first = below(blocks), backwards = below(2);
    for (unsigned i = 0; i < blocks; ++i) {
        const unsigned j = (first + std::uint64_t{backwards ? blocks - i : i}) % blocks;
        blockIdx = {j % gridDim.x, j / gridDim.x % gridDim.y, j / gridDim.x / gridDim.y};
        run_block(shape.shared);
    }
}

inline const char* guarded(const Shape& shape) {  // what went wrong, if anything
    if (!stacks) {
        stacks = static_cast<char*>(mmap(nullptr, THREADS * STACK, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    }
    launcher = pthread_self(), current = nullptr, blockIdx = {};
    const Guard guard;
    if (!_setjmp(failure)) return run_grid(shape), nullptr;
    for (Fiber& fiber : fibers) fiber.started = false;
    return message;
}

template <class... Args, std::size_t... I>
const char* launch(void (*function)(Args...), void* const* args, const Shape& shape, std::index_sequence<I...>) {
    kernel = [=] { function(*static_cast<Args*>(args[I])...); };
    return guarded(shape);
}

template <class... Args>
const char* launch(void (*function)(Args...), void* const* args, const Shape& shape) {
    return launch(function, args, shape, std::index_sequence_for<Args...>());
}

template <class T>
constexpr char code() {  // of NumPy and struct
    if (std::is_pointer_v<T>) return 'P';
    if (std::is_same_v<T, bool>) return '?';
    if (std::is_floating_point_v<T>) return sizeof(T) == 4 ? 'f' : 'd';
    return (std::is_signed_v<T> ? " bh i   q" : " BH I   Q")[sizeof(T)];
}

template <class... Args>
const char* signature(void (*)(Args...)) {
    static constexpr char codes[] = {code<Args>()..., 0};
    return codes;
}

#define CUDA_ON_CPU_EXPORT(name)                                                                                \
    extern "C" const char* signature_of_##name() { return cuda_on_cpu::signature(kernels::name); }              \
    extern "C" const char* launch_##name(void* const* args, const cuda_on_cpu::Shape* shape) {                  \
        return cuda_on_cpu::launch(kernels::name, args, *shape);                                                \
    }

// What CUDA C++ has built in --------------------------------------------------------------------------------------

template <class To, class From>
inline To bits(From value) {
    static_assert(sizeof(From) <= sizeof(To) || std::is_same_v<From, std::uint64_t>);
    To result{};
    std::memcpy(&result, &value, std::min(sizeof(To), sizeof(From)));
    return result;
}

template <class T, class... Allowed>
constexpr bool among = (std::is_same_v<T, Allowed> || ...);

template <class T>
struct Same { using type = T; };

template <class T, class F>
inline T reduced(const char* what, unsigned mask, T value, Line line, F combine) {
    static_assert(among<T, int, unsigned>, "__reduce_*_sync takes int or unsigned");
    const std::uint64_t* const all = collective(what, mask, line, bits<std::uint64_t>(value));
    T result = bits<T>(all[0]);
    for (int lane = 1; lane < warpSize; ++lane) result = combine(result, bits<T>(all[lane]));
    return result;
}

template <class T>
inline T shuffled(const char* what, unsigned mask, T value, Line line, int source) {
    static_assert(std::is_arithmetic_v<T> && sizeof(T) >= 4, "__shfl*_sync takes 4 or 8 byte numbers");
    const int own = static_cast<int>(current - fibers) % warpSize;
    const std::uint64_t* const all = collective(what, mask, line, bits<std::uint64_t>(value));
    return bits<T>(all[source < 0 || source >= warpSize ? own : source]);
}

inline int lane() { return static_cast<int>(current - fibers) % warpSize; }

template <class T, class F>
inline T exchanged(T* address, F change) {
    const T old = *address;
    *address = change(old);
    return old;
}

}  // namespace cuda_on_cpu

#define LINE cuda_on_cpu::Line line = {__builtin_LINE()}

inline void __syncthreads(LINE) { cuda_on_cpu::barrier(__func__, line); }
inline int __syncthreads_count(int vote, LINE) { return cuda_on_cpu::barrier(__func__, line, vote); }
inline int __syncthreads_or(int vote, LINE) { return cuda_on_cpu::barrier(__func__, line, vote) != 0; }
inline int __syncthreads_and(int vote, LINE) {
    return cuda_on_cpu::barrier(__func__, line, vote) == cuda_on_cpu::threads;
}
inline void __syncwarp(unsigned mask = ~0u, LINE) { cuda_on_cpu::collective(__func__, mask, line); }
inline void __threadfence() {}
inline void __threadfence_block() {}

inline unsigned __ballot_sync(unsigned mask, int vote, LINE) {
    const std::uint64_t* const all = cuda_on_cpu::collective(__func__, mask, line, vote != 0);
    unsigned result = 0;
    for (int lane = 0; lane < warpSize; ++lane) result |= static_cast<unsigned>(all[lane]) << lane;
    return result;
}
inline int __any_sync(unsigned mask, int vote, LINE) {
    return cuda_on_cpu::reduced(__func__, mask, int{vote != 0}, line, [](int a, int b) { return a | b; });
}
inline int __all_sync(unsigned mask, int vote, LINE) {
    return cuda_on_cpu::reduced(__func__, mask, int{vote != 0}, line, [](int a, int b) { return a & b; });
}

#define SHUFFLE(name, source)                                                                                   \
    template <class T>                                                                                          \
    T name(unsigned mask, T value, int by, LINE) {                                                              \
        return cuda_on_cpu::shuffled(__func__, mask, value, line, source);                                      \
    }
SHUFFLE(__shfl_sync, by & (warpSize - 1))
SHUFFLE(__shfl_xor_sync, cuda_on_cpu::lane() ^ by)
SHUFFLE(__shfl_up_sync, cuda_on_cpu::lane() - by)
SHUFFLE(__shfl_down_sync, cuda_on_cpu::lane() + by)
#undef SHUFFLE

#define REDUCE(name, result)                                                                                    \
    template <class T>                                                                                          \
    T name(unsigned mask, T value, LINE) {                                                                      \
        return cuda_on_cpu::reduced(__func__, mask, value, line, [](T a, T b) -> T { return result; });         \
    }
REDUCE(__reduce_add_sync, a + b)
REDUCE(__reduce_min_sync, a < b ? a : b)
REDUCE(__reduce_max_sync, a < b ? b : a)
REDUCE(__reduce_and_sync, a & b)
REDUCE(__reduce_or_sync, a | b)
REDUCE(__reduce_xor_sync, a ^ b)
#undef REDUCE
#undef LINE

#define ATOMIC(name, result, ...)                                                                               \
    template <class T>                                                                                          \
    T name(T* address, typename cuda_on_cpu::Same<T>::type value) {                                             \
        static_assert(cuda_on_cpu::among<T, __VA_ARGS__>, "CUDA has no " #name " of this type");                \
        return cuda_on_cpu::exchanged(address, [value](T old) -> T { return result; });                         \
    }
ATOMIC(atomicAdd, old + value, int, unsigned, unsigned long long, float, double)
ATOMIC(atomicSub, old - value, int, unsigned)
ATOMIC(atomicExch, value, int, unsigned, unsigned long long, float)
ATOMIC(atomicMin, value < old ? value : old, int, unsigned, long long, unsigned long long)
ATOMIC(atomicMax, old < value ? value : old, int, unsigned, long long, unsigned long long)
ATOMIC(atomicAnd, old & value, int, unsigned, unsigned long long)
ATOMIC(atomicOr, old | value, int, unsigned, unsigned long long)
ATOMIC(atomicXor, old ^ value, int, unsigned, unsigned long long)
ATOMIC(atomicInc, old >= value ? 0 : old + 1, unsigned)
#undef ATOMIC

template <class T>
T atomicCAS(T* address, typename cuda_on_cpu::Same<T>::type expected, typename cuda_on_cpu::Same<T>::type value) {
    static_assert(cuda_on_cpu::among<T, int, unsigned, unsigned short, unsigned long long>, "CUDA has no such atomicCAS");
    return cuda_on_cpu::exchanged(address, [=](T old) { return old == expected ? value : old; });
}

#define EXTREME(name, result)                                                                                   \
    template <class A, class B>                                                                                 \
    constexpr auto name(A first, B second) {                                                                    \
        static_assert(sizeof(+first) == sizeof(+second) || std::is_floating_point_v<decltype(first + second)>,  \
                      #name " of two sizes of integers is ambiguous in CUDA");                                  \
        using T = decltype(first + second);                                                                     \
        const T a = first, b = second;                                                                          \
        return result;                                                                                          \
    }
EXTREME(min, b < a ? b : a)
EXTREME(max, a < b ? b : a)
#undef EXTREME

template <class T, class F>
inline unsigned at_each_place(unsigned a, unsigned b, F best) {
    unsigned result = 0;
    for (unsigned shift = 0; shift < 32; shift += 8 * sizeof(T)) {
        const T left = a >> shift, right = b >> shift;
        result |= static_cast<unsigned>(static_cast<std::make_unsigned_t<T>>(best(left, right))) << shift;
    }
    return result;
}
#define PLACES(letter, count, type)                                                                             \
    inline unsigned __vmax##letter##count(unsigned a, unsigned b) {                                             \
        return at_each_place<type>(a, b, [](type c, type d) { return c < d ? d : c; });                         \
    }                                                                                                           \
    inline unsigned __vmin##letter##count(unsigned a, unsigned b) {                                             \
        return at_each_place<type>(a, b, [](type c, type d) { return d < c ? d : c; });                         \
    }
PLACES(s, 2, std::int16_t)
PLACES(u, 2, std::uint16_t)
PLACES(s, 4, std::int8_t)
PLACES(u, 4, std::uint8_t)
#undef PLACES

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x) {
    unsigned result = 0;
    for (int i = 0; i < 32; ++i) result |= (x >> i & 1) << (31 - i);
    return result;
}
inline unsigned __float_as_uint(float x) { return cuda_on_cpu::bits<unsigned>(x); }
inline int __float_as_int(float x) { return cuda_on_cpu::bits<int>(x); }
inline float __uint_as_float(unsigned x) { return cuda_on_cpu::bits<float>(x); }
inline float __int_as_float(int x) { return cuda_on_cpu::bits<float>(x); }
inline long long __double_as_longlong(double x) { return cuda_on_cpu::bits<long long>(x); }
inline double __longlong_as_double(long long x) { return cuda_on_cpu::bits<double>(x); }
template <class T>
T __ldg(const T* address) { return *address; }
[[noreturn]] inline void __trap() { cuda_on_cpu::fail("__trap()"); }

// What g++ -fsanitize=undefined calls, in place of its own library that ends the process --------------------------

struct Place { const char* file; unsigned line, column; };
#define UNDEFINED(what)                                                                                         \
    extern "C" [[noreturn]] void __ubsan_handle_##what##_abort(void* place) {                                   \
        cuda_on_cpu::fail("undefined behaviour at line %u: " #what, static_cast<Place*>(place)->line);          \
    }
UNDEFINED(type_mismatch_v1)
UNDEFINED(out_of_bounds)
UNDEFINED(pointer_overflow)
UNDEFINED(shift_out_of_bounds)
UNDEFINED(add_overflow)
UNDEFINED(sub_overflow)
UNDEFINED(mul_overflow)
UNDEFINED(negate_overflow)
UNDEFINED(divrem_overflow)
UNDEFINED(load_invalid_value)
#undef UNDEFINED
