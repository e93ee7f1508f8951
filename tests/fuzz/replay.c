/*
 * Runs a fuzz target over its committed corpus, without libFuzzer: every file of the directories
 * (or the files) given as arguments. A directory that is missing or empty is a failure: a corpus
 * that nobody reads finds nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUT_MAX = 16 * 1024 * 1024, PATH_TEXT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *path, const char *what) {
    fprintf(stderr, "replay: %s: %s\n", path, what);
    exit(1);
}

static void replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail(path, "cannot be opened");
    static uint8_t whole[INPUT_MAX];
    size_t size = fread(whole, 1, sizeof whole, file);
    if (ferror(file) || !feof(file)) fail(path, "cannot be read, or is too large");
    fclose(file);
    /* An allocation of exactly that size lets a sanitizer see the first byte read behind it. */
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL) fail(path, "no memory");
    memcpy(data, whole, size);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static int replay_directory(const char *path) {
    DIR *dir = opendir(path);
    if (dir == NULL) fail(path, "cannot be opened");
    int count = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') continue;
        char name[PATH_TEXT_MAX];
        int len = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (len < 0 || (size_t)len >= sizeof name) fail(path, "its path is too long");
        replay_file(name);
        count++;
    }
    closedir(dir);
    if (count == 0) fail(path, "there is nothing in it");
    return count;
}

int main(int argc, char **argv) {
    int count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) != 0) fail(argv[i], "is missing");
        if (S_ISDIR(info.st_mode)) {
            count += replay_directory(argv[i]);
        } else {
            replay_file(argv[i]);
            count++;
        }
    }
    if (count == 0) fail("arguments", "name at least one corpus directory");
    printf("%d inputs replayed\n", count);
    return 0;
}
