#include "swift/web_page.h"

#include "base/check.h"
#include "base/codec.h"
#include "swift/listing.h"
#include "xml/writer.h"

void swift_web_page_begin(struct swift_web_page *page, struct slice prefix) {
    *page = (struct swift_web_page){.prefix = prefix};
    buf_init(&page->folders, SWIFT_LISTING_BYTES_MAX);
    buf_init(&page->files, SWIFT_LISTING_BYTES_MAX);
}

bool swift_web_page_has_room(const struct swift_web_page *page) {
    return page->count < SWIFT_LISTING_MAX &&
           page->folders.len + page->files.len < SWIFT_LISTING_BYTES;
}

/* ---- entries -------------------------------------------------------------------------------- */

/* A name that begins with a slash would lead to another path, or to another host. */
static void append_link(struct buf *buf, struct slice name) {
    buf_append_str(buf, "    <td class=\"colname\"><a href=\"");
    if (slice_starts_with(name, SLICE("/"))) buf_append_str(buf, "./");
    percent_encode(buf, name, true);
    buf_append_str(buf, "\">");
    xml_escape(buf, name);
    buf_append_str(buf, "</a></td>\n");
}

static void append_nothing(struct buf *buf) {
    buf_append_str(buf,
                   "    <td class=\"colsize\">&nbsp;</td>\n"
                   "    <td class=\"coldate\">&nbsp;</td>\n"
                   "   </tr>\n");
}

void swift_web_page_folder(struct swift_web_page *page, struct slice name) {
    page->count++;
    buf_append_str(&page->folders, "   <tr class=\"item subdir\">\n");
    append_link(&page->folders, slice_skip(name, page->prefix.len));
    append_nothing(&page->folders);
}

/* "type-text type-plain": for style sheets. */
static void append_types(struct buf *buf, struct slice type) {
    bool more = true;
    while (more) {
        struct slice word;
        more = slice_cut(type, '/', &word, &type);
        buf_append_str(buf, " type-");
        for (size_t i = 0; i < word.len; i++) {
            char c = word.ptr[i];
            if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
            xml_escape(buf, slice_of(&c, 1));
        }
    }
}

/* "7", "2Ki": rounded at each step. Spec: Swift, human_readable. */
static void append_size(struct buf *buf, uint64_t bytes) {
    static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < ARRAY_LEN(units)) {
        bytes = bytes / 1024 + (bytes % 1024 >= 512);
        unit++;
    }
    buf_append_u64(buf, bytes);
    buf_append_str(buf, units[unit]);
}

void swift_web_page_file(struct swift_web_page *page, const struct swift_web_file *file) {
    enum { DAY = 10, SECOND = 19 }; /* so many bytes of a time in ISO's form */
    struct buf *buf = &page->files;
    char time[SWIFT_TIME_CAP];
    page->count++;
    swift_time_iso(file->modified_ns, time);
    buf_append_str(buf, "   <tr class=\"item");
    append_types(buf, file->type);
    buf_append_str(buf, "\">\n");
    append_link(buf, slice_skip(file->name, page->prefix.len));
    buf_append_str(buf, "    <td class=\"colsize\">");
    append_size(buf, file->bytes);
    buf_append_str(buf, "</td>\n    <td class=\"coldate\">");
    buf_append(buf, slice_of(time, DAY));
    buf_append_char(buf, ' ');
    buf_append(buf, slice_of(time + DAY + 1, SECOND - DAY - 1));
    buf_append_str(buf, "</td>\n   </tr>\n");
}

/* ---- the page ------------------------------------------------------------------------------- */

static bool is_elsewhere(struct slice css) {
    return slice_starts_with(css, SLICE("/")) || slice_starts_with(css, SLICE("http://")) ||
           slice_starts_with(css, SLICE("https://"));
}

static void append_style(struct buf *out, struct slice prefix, struct slice css) {
    if (css.len == 0) {
        buf_append_str(out,
                       "  <style type=\"text/css\">\n"
                       "   h1 { font-size: 1em; }\n"
                       "   th, td { padding: 0 1em; text-align: left; }\n"
                       "  </style>\n");
        return;
    }
    buf_append_str(out, "  <link rel=\"stylesheet\" type=\"text/css\" href=\"");
    for (size_t i = 0; i < prefix.len && !is_elsewhere(css); i++) {
        if (prefix.ptr[i] == '/') buf_append_str(out, "../");
    }
    if (is_elsewhere(css)) {
        xml_escape(out, css);
    } else {
        percent_encode(out, css, true);
    }
    buf_append_str(out, "\" />\n");
}

static void append_head(struct buf *out, struct slice prefix, struct slice label,
                        struct slice css) {
    buf_append_str(out,
                   "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\" "
                   "\"http://www.w3.org/TR/html4/loose.dtd\">\n"
                   "<html>\n <head>\n  <title>Listing of ");
    xml_escape(out, label);
    buf_append_str(out, "</title>\n");
    append_style(out, prefix, css);
    buf_append_str(out, " </head>\n <body>\n  <h1 id=\"title\">Listing of ");
    xml_escape(out, label);
    buf_append_str(out,
                   "</h1>\n"
                   "  <table id=\"listing\">\n"
                   "   <tr id=\"heading\">\n"
                   "    <th class=\"colname\">Name</th>\n"
                   "    <th class=\"colsize\">Size</th>\n"
                   "    <th class=\"coldate\">Date</th>\n"
                   "   </tr>\n");
    if (prefix.len == 0) return;
    buf_append_str(out,
                   "   <tr id=\"parent\" class=\"item\">\n"
                   "    <td class=\"colname\"><a href=\"../\">../</a></td>\n");
    append_nothing(out);
}

void swift_web_page_end(struct swift_web_page *page, struct slice label, struct slice css,
                        struct buf *out) {
    append_head(out, page->prefix, label, css);
    buf_append(out, buf_slice(&page->folders));
    buf_append(out, buf_slice(&page->files));
    buf_append_str(out, "  </table>\n </body>\n</html>\n");
    swift_web_page_drop(page);
}

void swift_web_page_drop(struct swift_web_page *page) {
    buf_fini(&page->folders);
    buf_fini(&page->files);
}
