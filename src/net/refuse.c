#include <sys/socket.h>

#include "net/internal.h"

static void count_refusal(struct net_counters *counters, enum net_refusal why) {
    switch (why) {
        case NET_REFUSAL_CONNECTIONS:
            COUNT(counters->refused_connections);
            break;
        case NET_REFUSAL_QUEUE:
            COUNT(counters->refused_queue);
            break;
        case NET_REFUSAL_MEMORY:
            COUNT(counters->refused_memory);
            break;
        case NET_REFUSAL_HEAD_TIMEOUT:
            COUNT(counters->head_timeouts);
            break;
    }
}

void conn_refuse(struct net_conn *conn, enum net_refusal why) {
    const struct net_handler *handler = conn->server->handler;
    count_refusal(&conn->server->counters, why);
    head_drop(conn);
    bool can_speak = handler->refusal && (!conn->tls || conn->ssl);
    size_t len = 0;
    char *text = conn->poller->refusal;
    if (can_speak) len = handler->refusal(conn->server->context, why, text, NET_REFUSAL_TEXT_MAX);
    if (len > 0) {
        struct iovec piece = {text, len};
        size_t sent;
        short events;
        (void)io_send(conn, &piece, 1, MSG_DONTWAIT, &sent, &events);
    }
    conn_linger(conn);
}
