#include "support/temp_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"

enum { WALK_FDS = 16 };

void temp_dir_make(struct temp_dir *dir) {
    const char *parent = getenv("TMPDIR");
    snprintf(dir->path, sizeof dir->path, "%s/hink-test-XXXXXX", parent ? parent : "/tmp");
    CHECK(mkdtemp(dir->path));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void temp_dir_remove(struct temp_dir *dir) {
    CHECK(nftw(dir->path, remove_one, WALK_FDS, FTW_DEPTH | FTW_PHYS) == 0);
    dir->path[0] = '\0';
}
