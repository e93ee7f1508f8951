/*
 * files_bench - durable small objects as a file each, beside which the server's rate is read
 *
 * Usage: files_bench DIR [THREADS] [SECONDS] [BYTES]
 * For each object: a file without a name, its bytes, fdatasync, a link to its name, fsync of the
 * directory; each thread has a directory of its own. Prints the objects a second of each second.
 * DIR must exist; what is made in it stays.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

enum { THREADS_MAX = 256, PATH_CAP = 4096 };

static const char *folder;
static size_t bytes_len = 4096;
static char *bytes;
static atomic_bool stop;
static atomic_ullong puts_done;

static void put_one(int dir, unsigned long long number) {
    char name[64];
    char self[64];
    int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, bytes, bytes_len) == (ssize_t)bytes_len && fdatasync(fd) == 0);
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    snprintf(name, sizeof name, "%016llx", number * 0x9e3779b97f4a7c15ULL);
    CHECK(linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) == 0);
    CHECK(fsync(dir) == 0);
    close(fd);
}

static void *put_run(void *argument) {
    char path[PATH_CAP];
    snprintf(path, sizeof path, "%s/%d", folder, *(const int *)argument);
    CHECK(mkdir(path, 0700) == 0);
    int dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    CHECK(dir >= 0);
    for (unsigned long long n = 1; !atomic_load(&stop); n++) {
        put_one(dir, n);
        atomic_fetch_add(&puts_done, 1);
    }
    close(dir);
    return NULL;
}

static unsigned long number_of(int argc, char **argv, int index, unsigned long absent) {
    return argc > index ? strtoul(argv[index], NULL, 10) : absent;
}

int main(int argc, char **argv) {
    static pthread_t threads[THREADS_MAX];
    static int numbers[THREADS_MAX];
    unsigned long count = number_of(argc, argv, 2, 16);
    unsigned long seconds = number_of(argc, argv, 3, 10);
    bytes_len = number_of(argc, argv, 4, 4096);
    if (argc < 2 || count > THREADS_MAX) {
        fprintf(stderr, "usage: files_bench DIR [THREADS] [SECONDS] [BYTES]\n");
        return 2;
    }
    folder = argv[1];
    bytes = calloc(1, bytes_len + 1);
    CHECK(bytes);
    for (unsigned long i = 0; i < count; i++) {
        numbers[i] = (int)i;
        CHECK(pthread_create(&threads[i], NULL, put_run, &numbers[i]) == 0);
    }
    for (unsigned long i = 0; i < seconds; i++) {
        unsigned long long before = atomic_load(&puts_done);
        sleep(1);
        printf("%llu\n", atomic_load(&puts_done) - before);
    }
    atomic_store(&stop, true);
    for (unsigned long i = 0; i < count; i++) pthread_join(threads[i], NULL);
    return 0;
}
