/* clock.h - what a part of a benchmark took: time, and the processor's time, which other programs disturb less. */
#ifndef TROTH_TESTS_BENCH_CLOCK_H
#define TROTH_TESTS_BENCH_CLOCK_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Both in microseconds; the processor's is of all threads. */
struct spent {
    double wall, cpu;
};

static inline double clock_read(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static inline struct spent clock_now(void)
{
    return (struct spent){clock_read(CLOCK_MONOTONIC), clock_read(CLOCK_PROCESS_CPUTIME_ID)};
}

static inline struct spent clock_since(struct spent begin)
{
    const struct spent end = clock_now();

    return (struct spent){end.wall - begin.wall, end.cpu - begin.cpu};
}

/* What one of so many took, as the scripts read it. */
static inline void clock_print(struct spent spent, unsigned count)
{
    printf("%.3f %.3f\n", spent.wall / count, spent.cpu / count);
}

static inline void need(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
    }
}

#endif
