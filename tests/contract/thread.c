/* thread.c - as little of threads as the contract suite needs, on each platform. */
#include "contract.h"

#define THREADS_MAX 16

struct job {
    void (*work)(void *argument);
    void *argument;
};

#ifdef _WIN32

#include <windows.h>

static DWORD WINAPI run(void *job)
{
    const struct job *it = job;
    it->work(it->argument);
    return 0;
}

bool run_in_threads(void (*work)(void *argument), void *arguments, size_t size, size_t count)
{
    struct job jobs[THREADS_MAX];
    HANDLE threads[THREADS_MAX];
    size_t started = 0;

    for (; started < count && started < THREADS_MAX; started++) {
        jobs[started] = (struct job){work, (char *)arguments + started * size};
        threads[started] = CreateThread(NULL, 0, run, &jobs[started], 0, NULL);
        if (!threads[started]) {
            break;
        }
    }
    for (size_t i = 0; i < started; i++) {
        WaitForSingleObject(threads[i], INFINITE);
        CloseHandle(threads[i]);
    }
    return started == count;
}

#else

#include <pthread.h>

static void *run(void *job)
{
    const struct job *it = job;
    it->work(it->argument);
    return NULL;
}

/*
 * valgrind 3.19 does not know that F_OFD_SETLKW, with which MIT locks a ccache or a replay cache, waits: all threads
 * stand still with the one that waits, and so does the one that has the lock. There each has its turn.
 */
bool run_in_threads(void (*work)(void *argument), void *arguments, size_t size, size_t count)
{
    const bool in_turn = getenv("TROTH_TEST_VALGRIND") != NULL;
    struct job jobs[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    size_t started = 0, joined = 0;

    for (; started < count && started < THREADS_MAX; started++) {
        jobs[started] = (struct job){work, (char *)arguments + started * size};
        if (pthread_create(&threads[started], NULL, run, &jobs[started]) != 0) {
            break;
        }
        if (in_turn) {
            pthread_join(threads[joined++], NULL);
        }
    }
    while (joined < started) {
        pthread_join(threads[joined++], NULL);
    }
    return started == count;
}

#endif
