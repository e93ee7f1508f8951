/*
 * codec.h - text forms of bytes: hexadecimal, base64, percent-encoding, and UTF-8's rules
 *
 * Encoders append to a buf and cannot fail but by its overflow. Decoders write to the caller's
 * bytes and refuse what is not exactly in the form.
 *
 * Threads: pure functions.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

/* Appends two lower-case digits per byte. Spec: RFC 4648 section 8. */
void hex_encode(struct buf *buf, struct slice bytes);

/* Decodes an even number of digits of either case into exactly `out_len` bytes; false otherwise. */
bool hex_decode(struct slice text, void *out, size_t out_len);

/* Appends base64 with padding. Spec: RFC 4648 section 4. */
void base64_encode(struct buf *buf, struct slice bytes);

/*
 * Decodes canonical, padded base64; false on anything else or when it is more than `cap` bytes.
 * Spec: RFC 4648 sections 3.2, 3.5, 4 (padding required, no characters outside the alphabet, no
 * non-zero trailing bits).
 */
bool base64_decode(struct slice text, void *out, size_t cap, size_t *ret_len);

/* Decodes base64 that must give exactly `out_len` bytes. */
bool base64_decode_exact(struct slice text, void *out, size_t out_len);

/*
 * Appends `s` with every byte but A-Z a-z 0-9 - . _ ~ as %XX (upper case); `/` too unless
 * `keep_slash`. Spec: RFC 3986 section 2.3, and SigV4's UriEncode.
 */
void percent_encode(struct buf *buf, struct slice s, bool keep_slash);

/*
 * Decodes %XX; `+` becomes a space where `plus_is_space` (query strings). False on a broken escape.
 * Owns: `*ret_text` lies in `arena`, or is `s` itself where nothing was to be decoded.
 */
bool percent_decode(struct arena *arena, struct slice s, bool plus_is_space,
                    struct slice *ret_text);

/* Whether `s` is well-formed UTF-8: no overlong form, no surrogate, nothing past U+10FFFF. */
bool utf8_is_valid(struct slice s);

#endif
