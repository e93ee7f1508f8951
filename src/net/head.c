#include <stdlib.h>

#include "net/internal.h"

enum { HEAD_FIRST_BYTES = 256 };

static bool budget_take(struct net_server *server, uint64_t bytes) {
    uint64_t after = __atomic_add_fetch(&server->head_memory, bytes, __ATOMIC_RELAXED);
    if (after <= server->limits.head_memory_max_bytes) return true;
    __atomic_sub_fetch(&server->head_memory, bytes, __ATOMIC_RELAXED);
    return false;
}

static bool head_resize(struct net_conn *conn, size_t cap) {
    if (!budget_take(conn->server, cap - conn->head_cap)) return false;
    char *bytes = realloc(conn->head, cap);
    if (bytes == NULL) {
        __atomic_sub_fetch(&conn->server->head_memory, cap - conn->head_cap, __ATOMIC_RELAXED);
        return false;
    }
    conn->head = bytes;
    conn->head_cap = (uint32_t)cap;
    return true;
}

bool head_reserve(struct net_conn *conn, size_t want) {
    if (conn->head_len + want <= conn->head_cap) return true;
    size_t most = conn->server->limits.head_max_bytes;
    size_t cap = conn->head_cap ? conn->head_cap : HEAD_FIRST_BYTES;
    while (cap < conn->head_len + want && cap < most) cap *= 2;
    if (cap > most) cap = most;
    if (cap <= conn->head_len) return false;
    return cap == conn->head_cap || head_resize(conn, cap);
}

bool head_store(struct net_conn *conn, struct slice bytes) {
    if (bytes.len > conn->head_cap && !head_resize(conn, bytes.len)) return false;
    if (bytes.len > 0) memcpy(conn->head, bytes.ptr, bytes.len);
    conn->head_len = (uint32_t)bytes.len;
    return true;
}

void head_drop(struct net_conn *conn) {
    if (conn->head == NULL) return;
    __atomic_sub_fetch(&conn->server->head_memory, conn->head_cap, __ATOMIC_RELAXED);
    free(conn->head);
    conn->head = NULL;
    conn->head_len = conn->head_cap = conn->head_scanned = 0;
}

bool head_is_ready(struct net_server *server, struct slice bytes, uint32_t *scanned) {
    size_t next = *scanned;
    bool ready = server->handler->head_ready(bytes, *scanned, &next);
    *scanned = (uint32_t)next;
    return ready || bytes.len >= server->limits.head_max_bytes;
}
