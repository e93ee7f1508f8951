#include "server/who.h"

#include <string.h>

#include "http/forwarded.h"

static bool is_trusted(const struct config_proxy *proxy, const struct net_address *address) {
    for (size_t i = 0; i < proxy->trusted.count; i++) {
        if (net_network_contains(&proxy->trusted.items[i], address)) return true;
    }
    return false;
}

/* "192.0.2.1", "2001:db8::1", and the forms with a port that some proxies write. */
static bool parse_hop(struct slice hop, struct net_address *ret_address) {
    if (is_ok(net_address_parse_ip(hop, ret_address))) return true;
    if (is_ok(net_address_parse(hop, ret_address))) return true;
    bool brackets = hop.len > 2 && hop.ptr[0] == '[' && hop.ptr[hop.len - 1] == ']';
    return brackets && is_ok(net_address_parse_ip(slice_of(hop.ptr + 1, hop.len - 2), ret_address));
}

static enum http_hop judge_hop(void *context, struct slice hop) {
    struct net_address address;
    if (!parse_hop(hop, &address)) return HTTP_HOP_MALFORMED;
    return is_trusted(context, &address) ? HTTP_HOP_PROXY : HTTP_HOP_CLIENT;
}

struct who who_find(const struct config_proxy *proxy, const struct net_conn *conn,
                    const struct http_head *head) {
    struct who who = {.address = *net_conn_peer(conn), .tls = net_conn_is_tls(conn)};
    if (!proxy->forwarded_headers || !is_trusted(proxy, &who.address)) return who;
    /* judge_hop only reads the configuration. */
    void *context = (void *)(uintptr_t)proxy;
    struct slice hop = http_forwarded_client(head, judge_hop, context);
    struct net_address named;
    if (hop.len > 0 && parse_hop(hop, &named)) who.address = named;
    bool https;
    if (http_forwarded_proto(head, &https)) who.tls = https;
    return who;
}

void who_format_source(const struct who *who, char *out) {
    struct net_address source = who->address;
    if (source.family == NET_IPV6) memset(source.ip + 8, 0, 8);
    net_address_format_ip(&source, out);
}
