#include "cli/admin_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/date.h"
#include "os/clock.h"

enum { DEADLINE_S = 60, CHUNK_BYTES = 16 * 1024 };

static struct status note_errno(struct note *note, const char *path, int error) {
    return note_status(note, status_from_errno(error).code, "%s: %s", path, strerrordesc_np(error));
}

/* NOT_FOUND where nobody listens. */
static struct status connect_to(const char *path, struct note *note, int *ret_fd) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return note_errno(note, path, ENAMETOOLONG);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return note_errno(note, path, errno);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        close(fd);
        bool nobody = error == ENOENT || error == ECONNREFUSED || error == ENOTDIR;
        return nobody ? status_of(STATUS_NOT_FOUND) : note_errno(note, path, error);
    }
    *ret_fd = fd;
    return status_ok();
}

static struct status wait_for(int fd, short events, int64_t deadline_ns) {
    struct pollfd poll_fd = {.fd = fd, .events = events};
    for (;;) {
        int64_t left_ms = (deadline_ns - clock_mono_ns(clock_system())) / NS_PER_MS;
        if (left_ms <= 0) return status_of(STATUS_TIMEOUT);
        int n = poll(&poll_fd, 1, (int)left_ms);
        if (n > 0) return status_ok();
        if (n < 0 && errno != EINTR) return status_from_errno(errno);
    }
}

static struct status send_all(int fd, struct slice bytes, int64_t deadline_ns) {
    while (bytes.len > 0) {
        TRY(wait_for(fd, POLLOUT, deadline_ns));
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) return status_of(STATUS_CLOSED);
        if (n > 0) bytes = slice_skip(bytes, (size_t)n);
    }
    return status_ok();
}

/* Receives up to the line end, which is the promise that the reply is whole. */
static struct status receive_line(int fd, int64_t deadline_ns, struct buf *reply) {
    for (;;) {
        TRY(wait_for(fd, POLLIN, deadline_ns));
        char *room = buf_reserve(reply, CHUNK_BYTES);
        if (room == NULL) return status_of(STATUS_TOO_LARGE);
        ssize_t n = recv(fd, room, CHUNK_BYTES, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n <= 0) return status_of(STATUS_CLOSED);
        buf_advance(reply, (size_t)n);
        if (reply->ptr[reply->len - 1] != '\n') continue;
        reply->len--;
        return status_ok();
    }
}

static struct status talk(int fd, struct slice request, unsigned deadline_s, struct buf *reply) {
    int64_t deadline_ns = clock_mono_ns(clock_system()) + deadline_s * NS_PER_S;
    TRY(send_all(fd, request, deadline_ns));
    TRY(send_all(fd, SLICE("\n"), deadline_ns));
    return receive_line(fd, deadline_ns, reply);
}

struct status admin_client_call(const struct cli_context *context, const struct cli_where *where,
                                struct slice request, struct note *note, struct buf *reply) {
    return admin_client_call_within(context, where, request, DEADLINE_S, note, reply);
}

struct status admin_client_call_within(const struct cli_context *context,
                                       const struct cli_where *where, struct slice request,
                                       unsigned deadline_s, struct note *note, struct buf *reply) {
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    int fd = -1;
    TRY(context->admin_socket(where, note, path, sizeof path));
    struct status s = connect_to(path, note, &fd);
    if (status_is(s, STATUS_NOT_FOUND)) {
        s = context->admin_offline(where, request, note, reply);
        if (!status_is(s, STATUS_BUSY)) return s;
        return note_status(note, s.code,
                           "the store is in use by a process that does not answer at %s", path);
    }
    TRY(s);
    s = talk(fd, request, deadline_s, reply);
    close(fd);
    if (is_ok(s)) return s;
    return note_status(note, s.code, "the server at %s: %s", path, status_text(s.code));
}

void admin_client_wipe(struct buf *buf) {
    if (buf->ptr != NULL) explicit_bzero(buf->ptr, buf->len);
    buf_fini(buf);
}

/* The status of the code in a refusal: what matters is that it is not OK. */
static struct status refusal(const struct json *reply, struct note *note) {
    struct slice message = json_get_string(reply, "message");
    if (message.len == 0) message = SLICE("the server refused and did not say why");
    return note_status(note, STATUS_REFUSED, "%.*s", SLICE_FMT(slice_take(message, 300)));
}

struct status admin_client_parse(struct slice reply, struct note *note, struct json **ret_reply) {
    struct json *document;
    bool ok = false;
    if (!is_ok(json_parse(reply, NULL, &document))) {
        return note_status(note, STATUS_CORRUPT, "the server's reply makes no sense");
    }
    if (json_bool(json_get(document, "ok"), &ok) && ok) {
        *ret_reply = document;
        return status_ok();
    }
    struct status s = refusal(document, note);
    json_free(&document);
    return s;
}

struct status admin_client_where(struct cli_where *where, struct note *note) {
    if (where->config != NULL && where->data != NULL) {
        return note_status(note, STATUS_INVALID, "--config and --data exclude each other");
    }
    if (where->config != NULL || where->data != NULL) return status_ok();
    if (access(ADMIN_CLIENT_DEFAULT_CONFIG, R_OK) != 0) {
        return note_status(note, STATUS_INVALID, "--config FILE or --data DIR is needed");
    }
    where->config = ADMIN_CLIENT_DEFAULT_CONFIG;
    return status_ok();
}
