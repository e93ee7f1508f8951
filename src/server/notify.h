/*
 * notify.h - telling the service manager how far we are
 *
 * The protocol of sd_notify(3), spoken directly: one datagram to the socket in $NOTIFY_SOCKET.
 * Without that variable nothing happens.
 *
 * Threads: any. Blocks: no.
 */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

/* The server answers now; `status` is a few words for `systemctl status`, or NULL. */
void notify_ready(const char *status);

/* The server reads its certificates and files anew; notify_ready follows. */
void notify_reloading(void);

/* The server is ending. */
void notify_stopping(void);

#endif
