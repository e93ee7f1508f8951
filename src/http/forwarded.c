#include "http/forwarded.h"

/* Takes the last element off a comma-separated list, without blanks around it. */
static struct slice take_last(struct slice *list) {
    size_t start = list->len;
    while (start > 0 && list->ptr[start - 1] != ',') start--;
    struct slice element = slice_trim(slice_skip(*list, start));
    *list = slice_take(*list, start > 0 ? start - 1 : 0);
    return element;
}

struct slice http_forwarded_client(const struct http_head *head,
                                   enum http_hop (*judge)(void *context, struct slice hop),
                                   void *context) {
    struct slice client = {0};
    for (size_t i = head->header_count; i-- > 0;) {
        if (!slice_eq_nocase(head->headers[i].name, SLICE("x-forwarded-for"))) continue;
        struct slice list = head->headers[i].value;
        while (list.len > 0) {
            struct slice hop = take_last(&list);
            enum http_hop kind = judge(context, hop);
            if (kind == HTTP_HOP_MALFORMED) return client;
            client = hop;
            if (kind == HTTP_HOP_CLIENT) return client;
        }
    }
    return client;
}

bool http_forwarded_proto(const struct http_head *head, bool *ret_https) {
    for (size_t i = head->header_count; i-- > 0;) {
        if (!slice_eq_nocase(head->headers[i].name, SLICE("x-forwarded-proto"))) continue;
        struct slice list = head->headers[i].value;
        struct slice proto = take_last(&list);
        bool https = slice_eq_nocase(proto, SLICE("https"));
        if (!https && !slice_eq_nocase(proto, SLICE("http"))) return false;
        *ret_https = https;
        return true;
    }
    return false;
}
