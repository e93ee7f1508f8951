/* The first words of a server to a person. */
#include <errno.h>
#include <unistd.h>

#include "cli/cli.h"

static struct status write_all(int fd, struct slice bytes) {
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return status_from_errno(errno);
        bytes = slice_skip(bytes, (size_t)n);
    }
    return status_ok();
}

static void add_key(struct buf *out, const struct cli_greeting *g, bool show_secret) {
    if (g->access_key.len == 0) return;
    buf_printf(out, "\n  access key  %.*s\n", SLICE_FMT(g->access_key));
    if (show_secret) {
        buf_printf(out, "  secret key  %.*s\n", SLICE_FMT(g->secret_key));
        if (g->credential_file == NULL) return;
        buf_printf(out, "              shown this once; kept in %s\n", g->credential_file);
    } else if (g->credential_file != NULL) {
        buf_printf(out, "  secret key  in %s\n", g->credential_file);
    }
}

static void add_aws_line(struct buf *out, const struct cli_greeting *g) {
    if (g->endpoint_count == 0) return;
    buf_append_str(out, "\n  ");
    if (g->credential_file != NULL) {
        buf_printf(out, "AWS_SHARED_CREDENTIALS_FILE=%s ", g->credential_file);
    }
    buf_printf(out, "aws --endpoint=%s s3api list-buckets\n\n", g->endpoints[0]);
}

struct status cli_greet(int fd, const struct cli_greeting *g) {
    struct buf out;
    buf_init(&out, 64 * 1024);
    buf_printf(&out, "\nhink %s serves zone %s\n\n", HINK_VERSION, g->zone);
    for (size_t i = 0; i < g->endpoint_count; i++) {
        buf_printf(&out, "  %-16s  %s\n", g->regions[i], g->endpoints[i]);
    }
    add_key(&out, g, g->secret_key.len > 0 && isatty(fd) == 1);
    add_aws_line(&out, g);
    struct status s = buf_ok(&out);
    if (is_ok(s)) s = write_all(fd, buf_slice(&out));
    if (out.ptr != NULL) explicit_bzero(out.ptr, out.len);
    buf_fini(&out);
    return s;
}
