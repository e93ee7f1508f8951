/*
 * fan.h - one piece of work cut in many, done by a few threads and the caller together
 *
 * For reads of a drive that would otherwise wait for each other. The threads are started when there
 * is work for the first time.
 *
 * Threads: fan_run one at a time; the work function runs in several at once.
 */
#ifndef ENGINE_FAN_H
#define ENGINE_FAN_H

#include <stddef.h>

struct fan;

/* A fan of `threads` threads beside the caller; 0: the caller alone. */
struct fan *fan_new(unsigned threads);

/* Does `work(argument, i)` for each i below `count`. Blocks: until all are done. */
void fan_run(struct fan *fan, size_t count, void (*work)(void *argument, size_t i), void *argument);

/* Ends the threads; NULL is allowed. */
void fan_free(struct fan **fan);

#endif
