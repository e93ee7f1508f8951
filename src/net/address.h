/*
 * address.h - where somebody is: an IP address and a port, or a local socket; networks of them
 *
 * An IPv4 address that comes as ::ffff:a.b.c.d is taken for the IPv4 address that it is, so that
 * one client has one spelling whatever socket it came through.
 *
 * Threads: pure functions.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/slice.h"
#include "base/status.h"

/* "[0000:0000:0000:0000:0000:ffff:255.255.255.255]:65535" and its NUL. */
enum { NET_ADDRESS_TEXT_MAX = 64 };

enum net_family { NET_UNKNOWN, NET_LOCAL, NET_IPV4, NET_IPV6 };

struct net_address {
    uint8_t family; /* enum net_family */
    uint16_t port;
    uint8_t ip[16]; /* IPv4 in the first four bytes; zero for NET_LOCAL and NET_UNKNOWN */
};

/* Addresses that share their first bits; IPv4 is kept as ::ffff:a.b.c.d, its bits counted there. */
struct net_network {
    uint8_t address[16];
    unsigned prefix_bits;
};

/* The address in a sockaddr of any family. */
struct net_address net_address_of(const struct sockaddr *sockaddr, socklen_t len);

/* The address of 16 bytes in network order, IPv4 where they are ::ffff:a.b.c.d. */
struct net_address net_address_of_ipv6(const uint8_t ip[16], uint16_t port);

/* The sockaddr of an IPv4 or IPv6 address; the length, 0 for any other. */
socklen_t net_address_to_sockaddr(const struct net_address *address,
                                  struct sockaddr_storage *ret_sockaddr);

/* Writes "192.0.2.1:80", "[2001:db8::1]:80", "local" or "unknown" and a NUL. */
void net_address_format(const struct net_address *address, char out[NET_ADDRESS_TEXT_MAX]);

/* Writes the same without brackets and port: what a log and aws:SourceIp want. */
void net_address_format_ip(const struct net_address *address, char out[NET_ADDRESS_TEXT_MAX]);

/*
 * Parses a numeric IPv4 or IPv6 address without a port, as in X-Forwarded-For.
 * Errors: INVALID.
 */
struct status net_address_parse_ip(struct slice text, struct net_address *ret_address);

/*
 * Parses "192.0.2.1:80" or "[::1]:80"; numbers only.
 * Errors: INVALID.
 */
struct status net_address_parse(struct slice text, struct net_address *ret_address);

/*
 * Parses "10.0.0.0/8", "2001:db8::/32", or a single address.
 * Errors: INVALID, also where bits behind the prefix are set.
 */
struct status net_network_parse(struct slice text, struct net_network *ret_network);

/* Whether the address lies in the network. */
bool net_network_contains(const struct net_network *network, const struct net_address *address);

/* Whether both are the same IP address, ports aside. */
bool net_address_same_ip(const struct net_address *a, const struct net_address *b);

#endif
