#include "server/pages.h"

#include "base/check.h"
#include "http/head.h"
#include "http/response.h"

enum { PAGE_BYTES_MAX = 4 * 1024 * 1024, HEAD_BYTES_MAX = 1024 };

struct page {
    int status;
    struct buf body;
};

static void show_live(const struct pages *pages, struct net_server *net, struct page *page) {
    (void)pages;
    (void)net;
    page->status = 200;
    buf_append_str(&page->body, "live\n");
}

static void show_ready(const struct pages *pages, struct net_server *net, struct page *page) {
    struct note note = {0};
    struct status health = engine_health(pages->engine, &note);
    page->status = 200;
    if (net_server_is_draining(net)) {
        page->status = 503;
        buf_append_str(&page->body, "stopping\n");
    } else if (status_is(health, STATUS_NO_SPACE)) {
        /* Reads and deletes are taken: without them there would never be space again. */
        buf_printf(&page->body, "ready, but %s\n", note.text);
    } else if (!is_ok(health)) {
        page->status = 503;
        buf_printf(&page->body, "the store has failed: %s\n", note.text);
    } else {
        buf_append_str(&page->body, "ready\n");
    }
}

static void show_metrics(const struct pages *pages, struct net_server *net, struct page *page) {
    page->status = 200;
    pages_metrics(pages, net, &page->body);
}

static const struct {
    const char *path;
    void (*show)(const struct pages *pages, struct net_server *net, struct page *page);
} page_table[] = {
    {"/healthz/live", show_live},
    {"/healthz/ready", show_ready},
    {"/metrics", show_metrics},
};

static void show(const struct pages *pages, struct net_server *net, const struct http_head *head,
                 struct page *page) {
    if (head->method != HTTP_GET && head->method != HTTP_HEAD) {
        page->status = 405;
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(page_table); i++) {
        if (!slice_eq(head->path, slice_str(page_table[i].path))) continue;
        page_table[i].show(pages, net, page);
        return;
    }
    page->status = 404;
    buf_append_str(&page->body, "/healthz/live\n/healthz/ready\n/metrics\n");
}

static struct status say(struct net_conn *conn, struct page *page, bool keep, bool with_body) {
    char text[HEAD_BYTES_MAX];
    struct buf head;
    buf_init_fixed(&head, text, sizeof text);
    buf_printf(&head, "HTTP/1.1 %d %s\r\n", page->status, http_reason(page->status));
    buf_printf(&head, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    buf_printf(&head, "Content-Length: %zu\r\n", page->body.len);
    if (page->status == 405) buf_append_str(&head, "Allow: GET, HEAD\r\n");
    buf_printf(&head, "Cache-Control: no-store\r\nConnection: %s\r\n\r\n",
               keep ? "keep-alive" : "close");
    TRY(buf_ok(&head));
    TRY(sink_write(net_conn_sink(conn), buf_slice(&head)));
    if (!with_body) return status_ok();
    return sink_write(net_conn_sink(conn), buf_slice(&page->body));
}

enum net_next pages_serve(const struct pages *pages, struct net_conn *conn) {
    struct net_server *net = net_conn_server(conn);
    struct http_head head;
    size_t head_len;
    struct page page = {.status = 400};
    enum http_head_verdict verdict = http_head_parse(net_conn_bytes(conn), &head, &head_len, NULL);
    bool is_good = verdict == HTTP_HEAD_COMPLETE;
    /* A body has no place here: the connection ends with it. */
    bool keep =
        is_good && head.keep_alive && head.body == HTTP_BODY_NONE && !net_server_is_draining(net);
    buf_init(&page.body, PAGE_BYTES_MAX);
    if (is_good) {
        net_conn_consume(conn, head_len);
        show(pages, net, &head, &page);
    }
    struct status said = say(conn, &page, keep, !is_good || head.method != HTTP_HEAD);
    buf_fini(&page.body);
    if (!is_ok(said)) return NET_ABORT;
    return keep ? NET_KEEP : NET_CLOSE;
}
