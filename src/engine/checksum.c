#include "engine/checksum.h"

#include <isa-l/crc.h>
#include <limits.h>

uint32_t checksum_crc32c(uint32_t before, const void *bytes, size_t len) {
    /* ISA-L takes an int and bytes that it does not change, and leaves both inversions to us. */
    uint32_t crc = ~before;
    unsigned char *at = (unsigned char *)(uintptr_t)bytes;
    while (len > INT_MAX) {
        crc = crc32_iscsi(at, INT_MAX, crc);
        at += INT_MAX;
        len -= INT_MAX;
    }
    return ~crc32_iscsi(at, (int)len, crc);
}
