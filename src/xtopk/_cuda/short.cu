// The k first in rank order of short rows, one warp a row: it holds the row, and k times takes the first that is left.
//
// Compiled with ITEMS, how many elements a lane holds at most, up to 32.

KERNEL(128) select_in_short_rows(const Word* x, long long stride, int n, int rows, int k,
                                                Word* values, INDEX* indices) {
    unsigned lane = threadIdx.x % 32, best_item = 0, left = 0, chosen = 0;
    long long row = (long long)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    if (row >= rows) return;
    x += row * stride;
    values += row * k;
    indices += row * k;
    Key keys[ITEMS], best = LAST;
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
        bool here = i * 32 + lane < n;
        keys[i] = here ? key_of(x[i * 32 + lane]) : LAST;
        left |= (unsigned)here << i;
        if (keys[i] < best) best = keys[i], best_item = i;
    }
    for (int place = 0; place < k; place++) {
        Key first = least_of_warp(best);
        unsigned position = least_of_warp(left && best == first ? best_item * 32 + lane : NOWHERE);
        if (place % 32 == lane) chosen = position;
        if (position % 32 == lane) {  // take it, and look for the next; what is left may hold LAST, too
            left &= ~(1u << best_item);
            best = LAST;
            best_item = left ? __ffs(left) - 1 : 0;
#pragma unroll
            for (int i = 0; i < ITEMS; i++) {
                if ((left >> i & 1) && keys[i] < best) best = keys[i], best_item = i;
            }
        }
        if (place % 32 == 31 || place == k - 1) {
            int at = place - place % 32 + lane;
            if (at < k) indices[at] = chosen, values[at] = x[chosen];
        }
    }
}
