#include "server/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/clock.h"

enum { TEXT_MAX = 256 };

/* Best effort by design: a server goes on whether its manager listens or not. */
static void send_text(const char *text) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@')) return;
    size_t len = strlen(path);
    if (len < 2 || len >= sizeof address.sun_path) return;
    memcpy(address.sun_path, path, len);
    /* sd_notify(3): @ stands for the NUL of an abstract socket. */
    if (path[0] == '@') address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return;
    socklen_t address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    ssize_t sent =
        sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, address_len);
    (void)sent;
    close(fd);
}

void notify_ready(const char *status) {
    char text[TEXT_MAX];
    snprintf(text, sizeof text, "READY=1\n%s%s", status ? "STATUS=" : "", status ? status : "");
    send_text(text);
}

void notify_reloading(void) {
    char text[TEXT_MAX];
    long long now_us = clock_mono_ns(clock_system()) / 1000;
    /* Type=notify-reload wants to know when, to tell a late message from a new one. */
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", now_us);
    send_text(text);
}

void notify_stopping(void) {
    send_text("STOPPING=1");
}
