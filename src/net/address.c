#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/check.h"

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void address_set_ipv6(struct net_address *address, const uint8_t ip[16]) {
    if (memcmp(ip, v4_mapped, sizeof(v4_mapped)) == 0) {
        address->family = NET_IPV4;
        memcpy(address->ip, ip + sizeof(v4_mapped), 4);
    } else {
        address->family = NET_IPV6;
        memcpy(address->ip, ip, 16);
    }
}

struct net_address net_address_of_ipv6(const uint8_t ip[16], uint16_t port) {
    struct net_address address = {.port = port};
    address_set_ipv6(&address, ip);
    return address;
}

struct net_address net_address_of(const struct sockaddr *sockaddr, socklen_t len) {
    struct net_address address = {.family = NET_UNKNOWN};
    if (sockaddr->sa_family == AF_UNIX) address.family = NET_LOCAL;
    if (sockaddr->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, sockaddr, sizeof(in));
        address.family = NET_IPV4;
        address.port = ntohs(in.sin_port);
        memcpy(address.ip, &in.sin_addr, 4);
    }
    if (sockaddr->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sockaddr, sizeof(in6));
        address = net_address_of_ipv6(in6.sin6_addr.s6_addr, ntohs(in6.sin6_port));
    }
    return address;
}

socklen_t net_address_to_sockaddr(const struct net_address *address,
                                  struct sockaddr_storage *ret_sockaddr) {
    if (address->family == NET_IPV4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&in.sin_addr, address->ip, 4);
        memcpy(ret_sockaddr, &in, sizeof(in));
        return sizeof(in);
    }
    if (address->family == NET_IPV6) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
        memcpy(&in6.sin6_addr, address->ip, 16);
        memcpy(ret_sockaddr, &in6, sizeof(in6));
        return sizeof(in6);
    }
    return 0;
}

void net_address_format_ip(const struct net_address *address, char out[NET_ADDRESS_TEXT_MAX]) {
    const char *word = address->family == NET_LOCAL ? "local" : "unknown";
    int family = address->family == NET_IPV4 ? AF_INET : AF_INET6;
    if (address->family == NET_IPV4 || address->family == NET_IPV6) {
        CHECK(inet_ntop(family, address->ip, out, NET_ADDRESS_TEXT_MAX) != NULL);
    } else {
        snprintf(out, NET_ADDRESS_TEXT_MAX, "%s", word);
    }
}

void net_address_format(const struct net_address *address, char out[NET_ADDRESS_TEXT_MAX]) {
    char ip[NET_ADDRESS_TEXT_MAX];
    net_address_format_ip(address, ip);
    if (address->family == NET_IPV4) {
        snprintf(out, NET_ADDRESS_TEXT_MAX, "%.46s:%u", ip, address->port);
    } else if (address->family == NET_IPV6) {
        snprintf(out, NET_ADDRESS_TEXT_MAX, "[%.46s]:%u", ip, address->port);
    } else {
        snprintf(out, NET_ADDRESS_TEXT_MAX, "%s", ip);
    }
}

struct status net_address_parse_ip(struct slice text, struct net_address *ret_address) {
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(copy)) return status_of(STATUS_INVALID);
    if (memchr(text.ptr, '\0', text.len) != NULL) return status_of(STATUS_INVALID);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    struct net_address address = {.family = NET_IPV4};
    uint8_t ip[16];
    if (inet_pton(AF_INET, copy, address.ip) != 1) {
        if (inet_pton(AF_INET6, copy, ip) != 1) return status_of(STATUS_INVALID);
        address_set_ipv6(&address, ip);
    }
    *ret_address = address;
    return status_ok();
}

struct status net_address_parse(struct slice text, struct net_address *ret_address) {
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') colon--;
    if (colon == 0) return status_of(STATUS_INVALID);
    struct slice ip = slice_take(text, colon - 1);
    bool bracketed = ip.len >= 2 && ip.ptr[0] == '[' && ip.ptr[ip.len - 1] == ']';
    if (bracketed) ip = slice_of(ip.ptr + 1, ip.len - 2);
    if (bracketed != (slice_find_char(ip, ':') < ip.len)) return status_of(STATUS_INVALID);
    uint64_t port = 0;
    if (!slice_parse_u64(slice_skip(text, colon), &port) || port > UINT16_MAX) {
        return status_of(STATUS_INVALID);
    }
    struct net_address address;
    TRY(net_address_parse_ip(ip, &address));
    address.port = (uint16_t)port;
    *ret_address = address;
    return status_ok();
}

/* The 16 bytes that networks are compared by. */
static void address_bits(const struct net_address *address, uint8_t bits[16]) {
    if (address->family == NET_IPV4) {
        memcpy(bits, v4_mapped, sizeof(v4_mapped));
        memcpy(bits + sizeof(v4_mapped), address->ip, 4);
    } else {
        memcpy(bits, address->ip, 16);
    }
}

static bool same_prefix(const uint8_t a[16], const uint8_t b[16], unsigned prefix_bits) {
    unsigned whole = prefix_bits / 8;
    if (memcmp(a, b, whole) != 0) return false;
    unsigned rest = prefix_bits % 8;
    if (rest == 0) return true;
    return ((a[whole] ^ b[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static bool zero_behind(const uint8_t bits[16], unsigned prefix_bits) {
    for (unsigned i = prefix_bits; i < 128; i++) {
        if (bits[i / 8] & (0x80 >> i % 8)) return false;
    }
    return true;
}

struct status net_network_parse(struct slice text, struct net_network *ret_network) {
    struct slice ip, digits;
    bool has_prefix = slice_cut(text, '/', &ip, &digits);
    struct net_address address;
    TRY(net_address_parse_ip(ip, &address));
    bool mapped = address.family == NET_IPV4 && slice_find_char(ip, ':') < ip.len;
    uint64_t most = address.family == NET_IPV4 && !mapped ? 32 : 128;
    uint64_t prefix = most;
    if (has_prefix && !slice_parse_u64(digits, &prefix)) return status_of(STATUS_INVALID);
    if (prefix > most) return status_of(STATUS_INVALID);
    struct net_network network = {.prefix_bits = (unsigned)(prefix + 128 - most)};
    address_bits(&address, network.address);
    if (!zero_behind(network.address, network.prefix_bits)) return status_of(STATUS_INVALID);
    *ret_network = network;
    return status_ok();
}

bool net_network_contains(const struct net_network *network, const struct net_address *address) {
    if (address->family != NET_IPV4 && address->family != NET_IPV6) return false;
    uint8_t bits[16];
    address_bits(address, bits);
    return same_prefix(network->address, bits, network->prefix_bits);
}

bool net_address_same_ip(const struct net_address *a, const struct net_address *b) {
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}
