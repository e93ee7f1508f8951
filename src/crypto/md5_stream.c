#include "crypto/md5_stream.h"

#include <endian.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"

enum {
    ALONE_BYTES_MAX = 4096, /* shorter pieces are not worth a wait */
    TURN_BLOCKS_MAX = 512,  /* then lanes may be filled again */
    CREWS_MAX = 64,
    ROUND_BYTES = 8 * 1024 * 1024, /* taken in by all, between two counts of the streams */
};

/* The whole blocks of one update, on the stack of the thread that waits for them. */
struct job {
    struct job *next;
    uint32_t *state;
    const unsigned char *at;
    size_t blocks;
    bool done;
    struct crew *leads; /* the crew that its thread is asked to lead */
    pthread_cond_t wake;
};

/* The lanes that one thread computes; the thread changes, the jobs in the lanes stay. */
struct crew {
    struct md5_lanes lanes;
    struct job *jobs[MD5_LANES_MAX];
    unsigned job_count;
    bool led;
};

struct md5_service {
    const struct md5_kernel *kernel;
    unsigned processors;
    atomic_ullong bytes_counted; /* what makes the rounds */
    atomic_ullong round;
    atomic_uint seen; /* streams that took bytes in, in this round */
    atomic_uint seen_before;
    atomic_ullong bytes_alone;
    atomic_ullong bytes_in_lanes;
    pthread_mutex_t lock; /* guards what follows; a crew's lanes are its leader's */
    struct job *first;
    struct job **last;
    unsigned waiting;
    struct crew *crews; /* `processors` of them */
};

static void wait_for_work_or_end(struct md5_service *service, struct job *job) {
    while (!job->done && !job->leads) pthread_cond_wait(&job->wake, &service->lock);
}

static void queue_push(struct md5_service *service, struct job *job) {
    job->next = NULL;
    *service->last = job;
    service->last = &job->next;
    service->waiting++;
}

static struct job *queue_pop(struct md5_service *service) {
    struct job *job = service->first;
    service->first = job->next;
    if (!service->first) service->last = &service->first;
    service->waiting--;
    return job;
}

static void lane_take(struct crew *crew, unsigned lane, struct job *job) {
    crew->jobs[lane] = job;
    crew->job_count++;
    for (size_t w = 0; w < 4; w++) crew->lanes.words[w][lane] = job->state[w];
}

/* Puts waiting jobs into the free lanes. */
static void crew_fill(struct md5_service *service, struct crew *crew) {
    for (unsigned i = 0; i < service->kernel->lanes && service->first; i++) {
        if (!crew->jobs[i]) lane_take(crew, i, queue_pop(service));
    }
}

/* Takes the jobs that are done out of their lanes and wakes their threads. */
static void crew_reap(struct md5_service *service, struct crew *crew, const struct job *own) {
    for (unsigned i = 0; i < service->kernel->lanes; i++) {
        struct job *job = crew->jobs[i];
        if (!job || job->blocks > 0) continue;
        for (size_t w = 0; w < 4; w++) job->state[w] = crew->lanes.words[w][i];
        crew->jobs[i] = NULL;
        crew->job_count--;
        job->done = true;
        if (job != own) pthread_cond_signal(&job->wake);
    }
}

/* The one job of the crew, computed by the code that is fastest for one. */
static void turn_alone(struct md5_service *service, struct crew *crew) {
    unsigned i = 0;
    while (!crew->jobs[i]) i++;
    struct job *job = crew->jobs[i];
    size_t blocks = job->blocks < TURN_BLOCKS_MAX ? job->blocks : TURN_BLOCKS_MAX;
    uint32_t state[4];
    for (size_t w = 0; w < 4; w++) state[w] = crew->lanes.words[w][i];
    md5_blocks(state, job->at, blocks);
    for (size_t w = 0; w < 4; w++) crew->lanes.words[w][i] = state[w];
    job->at += blocks * MD5_BLOCK_LEN;
    job->blocks -= blocks;
    atomic_fetch_add_explicit(&service->bytes_alone, blocks * MD5_BLOCK_LEN, memory_order_relaxed);
}

/* The kernel for the lanes in use: they are filled from the first on. */
static const struct md5_kernel *kernel_for(const struct md5_service *service,
                                           const struct crew *crew) {
    const struct md5_kernel *narrow = service->kernel->narrow;
    if (!narrow) return service->kernel;
    for (unsigned i = narrow->lanes; i < service->kernel->lanes; i++) {
        if (crew->jobs[i]) return service->kernel;
    }
    return narrow;
}

static void turn_in_lanes(struct md5_service *service, struct crew *crew) {
    const struct md5_kernel *kernel = kernel_for(service, crew);
    const unsigned char *in[MD5_LANES_MAX];
    const unsigned char *some = NULL;
    size_t blocks = TURN_BLOCKS_MAX;
    for (unsigned i = 0; i < kernel->lanes; i++) {
        const struct job *job = crew->jobs[i];
        if (!job) continue;
        some = job->at;
        if (job->blocks < blocks) blocks = job->blocks;
    }
    for (unsigned i = 0; i < kernel->lanes; i++) in[i] = crew->jobs[i] ? crew->jobs[i]->at : some;
    kernel->run(&crew->lanes, in, blocks);
    for (unsigned i = 0; i < kernel->lanes; i++) {
        if (!crew->jobs[i]) continue;
        crew->jobs[i]->at += blocks * MD5_BLOCK_LEN;
        crew->jobs[i]->blocks -= blocks;
    }
    atomic_fetch_add_explicit(&service->bytes_in_lanes, crew->job_count * blocks * MD5_BLOCK_LEN,
                              memory_order_relaxed);
}

/* Hands the crew on to a thread that waits, if any does. Called under the lock. */
static void crew_leave(struct md5_service *service, struct crew *crew) {
    crew_fill(service, crew);
    struct job *heir = NULL;
    for (unsigned i = 0; i < service->kernel->lanes; i++) {
        if (crew->jobs[i]) heir = crew->jobs[i];
    }
    crew->led = heir;
    if (!heir) return;
    heir->leads = crew;
    pthread_cond_signal(&heir->wake);
}

/* Computes with the crew until `own`, which is in one of its lanes, is done. Called under the lock.
 */
static void crew_lead(struct md5_service *service, struct crew *crew, struct job *own) {
    while (!own->done) {
        crew_fill(service, crew);
        pthread_mutex_unlock(&service->lock);
        if (crew->job_count == 1) {
            turn_alone(service, crew);
        } else {
            turn_in_lanes(service, crew);
        }
        pthread_mutex_lock(&service->lock);
        crew_reap(service, crew, own);
    }
    crew_leave(service, crew);
}

/* A crew that has no leader and is needed: the first, or another when half a crew's worth waits. */
static struct crew *crew_find(struct md5_service *service) {
    for (unsigned i = 0; i < service->processors; i++) {
        if (service->crews[i].led) continue;
        bool needed = i == 0 || service->waiting >= service->kernel->lanes / 2;
        return needed ? &service->crews[i] : NULL;
    }
    return NULL;
}

static void take_in_lanes(struct md5_service *service, uint32_t *state, const unsigned char *at,
                          size_t blocks) {
    struct job job = {.state = state, .at = at, .blocks = blocks};
    CHECK(pthread_cond_init(&job.wake, NULL) == 0);
    pthread_mutex_lock(&service->lock);
    job.leads = crew_find(service);
    if (job.leads) {
        job.leads->led = true;
        lane_take(job.leads, 0, &job);
    } else {
        queue_push(service, &job);
        wait_for_work_or_end(service, &job);
    }
    if (job.leads) crew_lead(service, job.leads, &job);
    pthread_mutex_unlock(&service->lock);
    pthread_cond_destroy(&job.wake);
}

/* Counts the stream in this round; roughly is good enough. */
static void stream_count(struct md5_stream *stream, size_t bytes) {
    struct md5_service *service = stream->service;
    uint64_t round = atomic_fetch_add(&service->bytes_counted, bytes) / ROUND_BYTES + 1;
    unsigned long long counted = atomic_load(&service->round);
    if (counted < round && atomic_compare_exchange_strong(&service->round, &counted, round)) {
        atomic_store(&service->seen_before, atomic_exchange(&service->seen, 0));
    }
    if (stream->round == round) return;
    stream->round = round;
    atomic_fetch_add(&service->seen, 1);
}

/* One that has ended, and the next of the same client, are not two at once. */
static void stream_count_off(struct md5_stream *stream) {
    struct md5_service *service = stream->service;
    unsigned seen = atomic_load(&service->seen);
    if (stream->round == 0 || stream->round != atomic_load(&service->round) || seen == 0) return;
    (void)atomic_compare_exchange_strong(&service->seen, &seen, seen - 1);
}

static bool is_crowded(struct md5_service *service) {
    return atomic_load(&service->seen) > service->processors ||
           atomic_load(&service->seen_before) > service->processors;
}

static void take_blocks(struct md5_stream *stream, const unsigned char *at, size_t blocks) {
    struct md5_service *service = stream->service;
    size_t bytes = blocks * MD5_BLOCK_LEN;
    if (bytes > ALONE_BYTES_MAX && service->kernel->lanes > 1) {
        stream_count(stream, bytes);
        if (is_crowded(service)) {
            take_in_lanes(service, stream->state, at, blocks);
            return;
        }
        atomic_fetch_add_explicit(&service->bytes_alone, bytes, memory_order_relaxed);
    }
    md5_blocks(stream->state, at, blocks);
}

struct md5_service *md5_service_new(const struct md5_service_config *config) {
    struct md5_service *service = calloc(1, sizeof *service);
    CHECK(service);
    service->kernel = config->kernel ? config->kernel : md5_kernel_best();
    long online = config->processors ? (long)config->processors : sysconf(_SC_NPROCESSORS_ONLN);
    service->processors = online < 1 ? 1 : online > CREWS_MAX ? CREWS_MAX : (unsigned)online;
    service->last = &service->first;
    CHECK(pthread_mutex_init(&service->lock, NULL) == 0);
    size_t bytes = service->processors * sizeof *service->crews;
    service->crews = aligned_alloc(_Alignof(struct crew), bytes);
    CHECK(service->crews);
    memset(service->crews, 0, bytes);
    return service;
}

void md5_service_free(struct md5_service **service) {
    struct md5_service *self = *service;
    pthread_mutex_destroy(&self->lock);
    free(self->crews);
    free(self);
    *service = NULL;
}

static struct md5_service *shared;

static void shared_make(void) {
    shared = md5_service_new(&(struct md5_service_config){0});
}

struct md5_service *md5_service_shared(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, shared_make);
    return shared;
}

void md5_stream_begin(struct md5_stream *stream, struct md5_service *service) {
    *stream = (struct md5_stream){.service = service};
    memcpy(stream->state, md5_initial, sizeof stream->state);
}

void md5_stream_update(struct md5_stream *stream, struct slice bytes) {
    size_t have = (size_t)(stream->len % MD5_BLOCK_LEN);
    stream->len += bytes.len;
    if (have > 0) {
        struct slice piece = slice_take(bytes, MD5_BLOCK_LEN - have);
        if (piece.len > 0) memcpy(stream->tail + have, piece.ptr, piece.len);
        bytes = slice_skip(bytes, piece.len);
        if (have + piece.len < MD5_BLOCK_LEN) return;
        md5_blocks(stream->state, stream->tail, 1);
    }
    size_t blocks = bytes.len / MD5_BLOCK_LEN;
    take_blocks(stream, (const unsigned char *)bytes.ptr, blocks);
    struct slice rest = slice_skip(bytes, blocks * MD5_BLOCK_LEN);
    if (rest.len > 0) memcpy(stream->tail, rest.ptr, rest.len);
}

/* Chains of dependent steps both, in different units of the processor: what follows in the program
 * is begun while MD5 waits for itself. */
static void update_in_turns(struct md5_stream *stream, struct digest *other, struct slice bytes) {
    atomic_fetch_add_explicit(&stream->service->bytes_alone, bytes.len, memory_order_relaxed);
    while (bytes.len > 0) {
        struct slice piece = slice_take(bytes, MD5_BLOCK_LEN - stream->len % MD5_BLOCK_LEN);
        md5_stream_update(stream, piece);
        digest_update(other, piece);
        bytes = slice_skip(bytes, piece.len);
    }
}

void md5_stream_update_with(struct md5_stream *stream, struct digest *other, struct slice bytes) {
    bool is_long = bytes.len > ALONE_BYTES_MAX;
    if (is_long) stream_count(stream, bytes.len);
    if (is_long && !is_crowded(stream->service)) {
        update_in_turns(stream, other, bytes);
        return;
    }
    digest_update(other, bytes);
    md5_stream_update(stream, bytes);
}

/* Spec: RFC 1321 sections 3.1 to 3.3 (padding, length in bits, output). */
void md5_stream_final(struct md5_stream *stream, void *out) {
    unsigned char last[2 * MD5_BLOCK_LEN] = {0};
    size_t have = (size_t)(stream->len % MD5_BLOCK_LEN);
    memcpy(last, stream->tail, have);
    last[have] = 0x80;
    size_t blocks = have + 1 + sizeof(uint64_t) <= MD5_BLOCK_LEN ? 1 : 2;
    uint64_t bits = htole64(stream->len * 8);
    memcpy(last + blocks * MD5_BLOCK_LEN - sizeof bits, &bits, sizeof bits);
    md5_blocks(stream->state, last, blocks);
    for (size_t i = 0; i < 4; i++) {
        uint32_t word = htole32(stream->state[i]);
        memcpy((char *)out + 4 * i, &word, sizeof word);
    }
    stream_count_off(stream);
}

void md5_service_stats_read(struct md5_service *service, struct md5_service_stats *ret_stats) {
    *ret_stats = (struct md5_service_stats){
        .bytes_alone = atomic_load(&service->bytes_alone),
        .bytes_in_lanes = atomic_load(&service->bytes_in_lanes),
    };
}
