#include "net/proxy.h"

#include "base/check.h"

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

enum {
    COMMAND_OFFSET = 12,
    FAMILY_OFFSET = 13,
    LENGTH_OFFSET = 14,
    COMMAND_LOCAL = 0x20,
    COMMAND_PROXY = 0x21,
    FAMILY_UNSPEC = 0x00,
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
    EXTENSION_CRC32C = 0x03
};

static uint16_t read_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

struct status net_proxy_rest_len(const uint8_t fixed[NET_PROXY_FIXED_BYTES], size_t *ret_len) {
    if (memcmp(fixed, signature, sizeof(signature)) != 0) return status_of(STATUS_INVALID);
    uint8_t command = fixed[COMMAND_OFFSET];
    if (command != COMMAND_LOCAL && command != COMMAND_PROXY) return status_of(STATUS_INVALID);
    size_t len = read_u16(fixed + LENGTH_OFFSET);
    if (len > NET_PROXY_REST_MAX) return status_of(STATUS_TOO_LARGE);
    *ret_len = len;
    return status_ok();
}

static uint32_t crc32c_byte(uint32_t crc, uint8_t byte) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    return crc;
}

/* The checksum of the header with the four bytes at `hole` taken for zero. */
static uint32_t crc32c_with_hole(struct slice header, size_t hole) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < header.len; i++) {
        bool in_hole = i >= hole && i < hole + 4;
        crc = crc32c_byte(crc, in_hole ? 0 : (uint8_t)header.ptr[i]);
    }
    return ~crc;
}

static struct status check_crc32c(struct slice header, size_t at, size_t len) {
    if (len != 4) return status_of(STATUS_INVALID);
    const uint8_t *said = (const uint8_t *)header.ptr + at;
    uint32_t value = (uint32_t)read_u16(said) << 16 | read_u16(said + 2);
    return value == crc32c_with_hole(header, at) ? status_ok() : status_of(STATUS_INVALID);
}

/* Extensions are type, length, value; ours to obey is the checksum only. */
static struct status check_extensions(struct slice header, size_t at) {
    while (at < header.len) {
        if (header.len - at < 3) return status_of(STATUS_INVALID);
        const uint8_t *extension = (const uint8_t *)header.ptr + at;
        size_t len = read_u16(extension + 1);
        at += 3;
        if (header.len - at < len) return status_of(STATUS_INVALID);
        if (extension[0] == EXTENSION_CRC32C) TRY(check_crc32c(header, at, len));
        at += len;
    }
    return status_ok();
}

static struct net_address address_at(const uint8_t *ip, size_t ip_len, const uint8_t *port) {
    if (ip_len == 16) return net_address_of_ipv6(ip, read_u16(port));
    struct net_address address = {.family = NET_IPV4, .port = read_u16(port)};
    memcpy(address.ip, ip, ip_len);
    return address;
}

/* Reads source, destination and both ports, `ip_len` bytes an address. */
static struct status parse_addresses(struct slice header, size_t ip_len, struct net_proxy *proxy) {
    size_t behind = NET_PROXY_FIXED_BYTES + 2 * ip_len + 4;
    if (header.len < behind) return status_of(STATUS_INVALID);
    const uint8_t *ips = (const uint8_t *)header.ptr + NET_PROXY_FIXED_BYTES;
    const uint8_t *ports = ips + 2 * ip_len;
    proxy->source = address_at(ips, ip_len, ports);
    proxy->destination = address_at(ips + ip_len, ip_len, ports + 2);
    return check_extensions(header, behind);
}

struct status net_proxy_parse(struct slice header, struct net_proxy *ret_proxy) {
    CHECK(header.len >= NET_PROXY_FIXED_BYTES);
    struct net_proxy proxy = {.local = (uint8_t)header.ptr[COMMAND_OFFSET] == COMMAND_LOCAL};
    /* A receiver must ignore the addresses of LOCAL, whatever they are. */
    if (!proxy.local) {
        switch ((uint8_t)header.ptr[FAMILY_OFFSET]) {
            case FAMILY_TCP4:
                TRY(parse_addresses(header, 4, &proxy));
                break;
            case FAMILY_TCP6:
                TRY(parse_addresses(header, 16, &proxy));
                break;
            /* PROXY for a client that can't be named would make us trust the proxy's own address
             * in the client's place. */
            default:
                return status_of(STATUS_INVALID);
        }
    }
    *ret_proxy = proxy;
    return status_ok();
}
