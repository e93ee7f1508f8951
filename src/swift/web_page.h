/*
 * web_page.h - a container's listing as a page of HTML
 *
 *     begin ── add* ── end
 *
 * Names are bytes that anybody may have chosen: as text they are escaped, as links they are encoded
 * and lead nowhere but below the page. Element ids and classes are Swift's, for the style sheets
 * that there are.
 *
 * Threads: one at a time.
 * Spec: Swift, middleware/staticweb.py.
 */
#ifndef SWIFT_WEB_PAGE_H
#define SWIFT_WEB_PAGE_H

#include "base/buf.h"

struct swift_web_page {
    struct slice prefix; /* of all names; it is left out */
    struct buf folders;  /* they come first */
    struct buf files;
    size_t count;
};

struct swift_web_file {
    struct slice name;
    struct slice type;
    uint64_t bytes;
    int64_t modified_ns;
};

/* Owns: the prefix outlives the page. */
void swift_web_page_begin(struct swift_web_page *page, struct slice prefix);

/* Adds a common prefix, with its slash. */
void swift_web_page_folder(struct swift_web_page *page, struct slice name);

/* Adds an object. */
void swift_web_page_file(struct swift_web_page *page, const struct swift_web_file *file);

/* Whether another entry fits. */
bool swift_web_page_has_room(const struct swift_web_page *page);

/*
 * Writes the whole page to `out`, which tells what went wrong. `label` is what is listed, `css` a
 * style sheet, as a path in the container or as a URL; empty: none. Consumes the page.
 */
void swift_web_page_end(struct swift_web_page *page, struct slice label, struct slice css,
                        struct buf *out);

/* Gives the page up. */
void swift_web_page_drop(struct swift_web_page *page);

#endif
