/*
 * findings.h - what a check of the store finds, on its way to whoever asked for it
 *
 *     findings_say ── findings.line      one thing that is wrong, and whether it was put right
 *     findings_step ── findings.step     how far the check is
 *
 * Embedded as first member in what the two functions need. `repair` says that what can be put right
 * is to be.
 *
 * Threads: one at a time.
 */
#ifndef BASE_FINDINGS_H
#define BASE_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

enum { FINDINGS_TEXT_MAX = 384 };

/* What kind of thing is wrong; each has a word for programs. */
enum finding_kind {
    FINDING_METADATA,  /* the index or the log does not check */
    FINDING_RECORD,    /* a record that says nothing sensible */
    FINDING_OVERLAP,   /* two records name the same space, or one names what is not there */
    FINDING_BLOCK,     /* bytes do not match their checksum */
    FINDING_LOST,      /* bytes that can't be had any more */
    FINDING_SHORT,     /* fewer pieces than the policy says */
    FINDING_LEAK,      /* something takes space, and nothing needs it */
    FINDING_REFERENCE, /* counters of references are wrong */
    FINDING_COUNTER,   /* counters of objects, bytes or buckets are wrong */
    FINDING_DIRECTORY, /* names that lead nowhere, or to something else */
    FINDING_KINDS
};

struct findings {
    bool repair;
    void (*line)(struct findings *findings, enum finding_kind kind, bool repaired,
                 const char *text);
    /* `done` of `total` of what the check is at now; a total of 0 is not known. NULL: nobody asks
     */
    void (*step)(struct findings *findings, const char *what, uint64_t done, uint64_t total);
    uint64_t found;
    uint64_t repaired; /* of these */
};

/* Says that something is wrong. */
void findings_say(struct findings *findings, enum finding_kind kind, bool repaired,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Says how far the check is. */
void findings_step(struct findings *findings, const char *what, uint64_t done, uint64_t total);

/* "metadata", "record", … */
const char *finding_word(enum finding_kind kind);

#endif
