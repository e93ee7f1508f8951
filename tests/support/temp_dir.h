/*
 * temp_dir.h - a directory for one test, gone with everything in it afterwards
 */
#ifndef SUPPORT_TEMP_DIR_H
#define SUPPORT_TEMP_DIR_H

enum { TEMP_DIR_MAX = 256 };

struct temp_dir {
    char path[TEMP_DIR_MAX];
};

/* Makes a fresh directory under $TMPDIR or /tmp. */
void temp_dir_make(struct temp_dir *dir);

/* Removes it, and all below it. */
void temp_dir_remove(struct temp_dir *dir);

#endif
