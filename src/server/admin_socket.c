/* The local socket of administration: one thread, one connection at a time, one line each. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/date.h"
#include "os/clock.h"
#include "os/thread.h"
#include "server/admin.h"

enum { BACKLOG = 16, DEADLINE_S = 10, PAUSE_MS = 100 };

struct admin_server {
    struct admin *admin;
    int listen_fd;
    int stop_fd; /* readable: the thread is to end */
    struct thread thread;
    struct sockaddr_un address;
    char request[ADMIN_REQUEST_BYTES_MAX + 1];
};

static struct status note_errno(struct note *note, const char *path, int error) {
    return note_status(note, status_from_errno(error).code, "admin socket %s: %s", path,
                       strerrordesc_np(error));
}

/* Waits until `fd` can be read or written, or the server is to stop, or the time is over. */
static bool wait_for(struct admin_server *server, int fd, short events, int64_t deadline_ns) {
    struct pollfd fds[2] = {{.fd = server->stop_fd, .events = POLLIN},
                            {.fd = fd, .events = events}};
    for (;;) {
        int64_t left_ms = (deadline_ns - clock_mono_ns(clock_system())) / NS_PER_MS;
        if (left_ms <= 0) return false;
        int n = poll(fds, 2, (int)left_ms);
        if (n < 0 && errno == EINTR) continue;
        return n > 0 && fds[0].revents == 0 && fds[1].revents != 0;
    }
}

/* Reads one line without its end; false where none comes, or it is too long. */
static bool read_request(struct admin_server *server, int fd, int64_t deadline_ns,
                         struct slice *ret_request) {
    size_t len = 0;
    for (;;) {
        if (len == sizeof server->request || !wait_for(server, fd, POLLIN, deadline_ns)) {
            return false;
        }
        ssize_t n = recv(fd, server->request + len, sizeof server->request - len, MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n <= 0) return false;
        len += (size_t)n;
        char *end = memchr(server->request, '\n', len);
        if (end == NULL) continue;
        *ret_request = slice_of(server->request, (size_t)(end - server->request));
        return true;
    }
}

static void write_reply(struct admin_server *server, int fd, struct slice reply,
                        int64_t deadline_ns) {
    while (reply.len > 0 && wait_for(server, fd, POLLOUT, deadline_ns)) {
        ssize_t n = send(fd, reply.ptr, reply.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR && errno != EAGAIN) return;
        if (n > 0) reply = slice_skip(reply, (size_t)n);
    }
}

static void answer(struct admin_server *server, int fd) {
    int64_t deadline_ns = clock_mono_ns(clock_system()) + DEADLINE_S * NS_PER_S;
    struct slice request;
    struct buf reply;
    if (!read_request(server, fd, deadline_ns, &request)) return;
    buf_init(&reply, ADMIN_REPLY_BYTES_MAX + 1);
    admin_execute(server->admin, request, &reply);
    buf_append_char(&reply, '\n');
    deadline_ns =
        clock_mono_ns(clock_system()) + DEADLINE_S * NS_PER_S; /* it may have taken long */
    write_reply(server, fd, buf_slice(&reply), deadline_ns);
    /* Request and reply may have held a secret. */
    if (reply.ptr != NULL) explicit_bzero(reply.ptr, reply.len);
    explicit_bzero(server->request, sizeof server->request);
    buf_fini(&reply);
}

static void *serve(void *argument) {
    struct admin_server *server = argument;
    struct pollfd fds[2] = {{.fd = server->stop_fd, .events = POLLIN},
                            {.fd = server->listen_fd, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR) continue;
            return NULL;
        }
        if (fds[0].revents != 0) return NULL;
        if (fds[1].revents == 0) continue;
        int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            answer(server, fd);
            close(fd);
        } else if (poll(fds, 1, PAUSE_MS) > 0) {
            /* Out of descriptors, say: the connection waits, and we don't spin meanwhile. */
            return NULL;
        }
    }
}

/* Removes a socket file that a killed server left; BUSY where somebody answers there. */
static struct status clear_place(const struct sockaddr_un *address, struct note *note) {
    struct stat st;
    if (lstat(address->sun_path, &st) != 0) return status_ok();
    if (!S_ISSOCK(st.st_mode)) {
        return note_status(note, STATUS_EXISTS, "admin socket %s: there is something else",
                           address->sun_path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return note_errno(note, address->sun_path, errno);
    int failed = connect(fd, (const struct sockaddr *)address, sizeof *address);
    close(fd);
    if (failed == 0) {
        return note_status(note, STATUS_BUSY, "admin socket %s: another server listens there",
                           address->sun_path);
    }
    if (unlink(address->sun_path) != 0) return note_errno(note, address->sun_path, errno);
    return status_ok();
}

static struct status listen_at(const struct sockaddr_un *address, struct note *note, int *ret_fd) {
    TRY(clear_place(address, note));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return note_errno(note, address->sun_path, errno);
    /* On Linux the mode of the socket becomes that of its file, so it is never open to others. */
    bool good = fchmod(fd, 0600) == 0 &&
                bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
                listen(fd, BACKLOG) == 0;
    if (!good) {
        struct status s = note_errno(note, address->sun_path, errno);
        close(fd);
        return s;
    }
    *ret_fd = fd;
    return status_ok();
}

static struct status start(struct admin_server *server, struct note *note) {
    TRY(listen_at(&server->address, note, &server->listen_fd));
    server->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (server->stop_fd < 0) return note_errno(note, server->address.sun_path, errno);
    struct thread_config config = {.name = "hink-admin", .run = serve, .argument = server};
    return thread_start(&config, note, &server->thread);
}

static void release(struct admin_server *server) {
    if (server->listen_fd >= 0) {
        (void)unlink(server->address.sun_path);
        close(server->listen_fd);
    }
    if (server->stop_fd >= 0) close(server->stop_fd);
    free(server);
}

struct status admin_server_start(struct admin *admin, const char *path, struct note *note,
                                 struct admin_server **ret_server) {
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        return note_errno(note, path, ENAMETOOLONG);
    }
    struct admin_server *server = calloc(1, sizeof *server);
    if (server == NULL) return status_of(STATUS_NO_MEMORY);
    server->admin = admin;
    server->listen_fd = -1;
    server->stop_fd = -1;
    server->address.sun_family = AF_UNIX;
    memcpy(server->address.sun_path, path, strlen(path) + 1);
    struct status s = start(server, note);
    if (!is_ok(s)) {
        release(server);
        return s;
    }
    *ret_server = server;
    return s;
}

void admin_server_stop(struct admin_server **server) {
    if (*server == NULL) return;
    uint64_t one = 1;
    ssize_t written = write((*server)->stop_fd, &one, sizeof one);
    (void)written;
    thread_join(&(*server)->thread);
    release(*server);
    *server = NULL;
}
