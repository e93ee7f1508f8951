/*
 * who.h - who is at the other end, as far as those between us can be believed
 *
 * Threads: any.
 */
#ifndef SERVER_WHO_H
#define SERVER_WHO_H

#include "http/head.h"
#include "net/conn.h"
#include "server/config.h"

/* The client of a request: its address, and whether it speaks TLS. */
struct who {
    struct net_address address;
    bool tls;
};

/* Finds the client: the other end of the socket, or whom a trusted proxy's headers name. */
struct who who_find(const struct config_proxy *proxy, const struct net_conn *conn,
                    const struct http_head *head);

/*
 * Writes by what guesses of the client are counted (NET_ADDRESS_TEXT_MAX bytes): its address; its
 * network where one client has more addresses than we count.
 */
void who_format_source(const struct who *who, char *out);

#endif
