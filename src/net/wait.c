#include "base/check.h"
#include "net/internal.h"

void wait_link(struct net_conn *conn, enum wait_kind kind, int64_t now_ns) {
    CHECK(conn->wait == WAIT_NONE);
    struct wait_list *list = &conn->poller->waits[kind];
    conn->wait = kind;
    conn->deadline_ns = now_ns + list->timeout_ns;
    conn->next = NULL;
    conn->prev = list->last;
    if (list->last) list->last->next = conn;
    if (!list->first) list->first = conn;
    list->last = conn;
    list->count++;
}

void wait_unlink(struct net_conn *conn) {
    if (conn->wait == WAIT_NONE) return;
    struct wait_list *list = &conn->poller->waits[conn->wait];
    if (conn->prev) conn->prev->next = conn->next;
    if (conn->next) conn->next->prev = conn->prev;
    if (list->first == conn) list->first = conn->next;
    if (list->last == conn) list->last = conn->prev;
    list->count--;
    conn->next = conn->prev = NULL;
    conn->wait = WAIT_NONE;
}

int64_t wait_nearest_ns(const struct net_poller *poller) {
    int64_t nearest = INT64_MAX;
    for (int kind = 0; kind < WAIT_KINDS; kind++) {
        const struct net_conn *first = poller->waits[kind].first;
        if (first && first->deadline_ns < nearest) nearest = first->deadline_ns;
    }
    return nearest;
}
