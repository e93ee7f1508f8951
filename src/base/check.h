/*
 * check.h - promises of ours, checked in release builds too
 *
 * CHECK is for bugs only: what a client, a disk or the world can cause is a struct status.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>

/* Prints the failed promise with its place to stderr and aborts. */
_Noreturn void check_failed(const char *promise, const char *file, int line);

/* Ends the process unless `promise` holds. */
#define CHECK(promise)                                                                   \
    do {                                                                                 \
        if (__builtin_expect(!(promise), 0)) check_failed(#promise, __FILE__, __LINE__); \
    } while (0)

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that `pointer` is the member `member` of. */
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
