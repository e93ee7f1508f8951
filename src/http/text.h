/*
 * text.h - which bytes may stand where in an HTTP message
 *
 * Threads: pure functions.
 */
#ifndef HTTP_TEXT_H
#define HTTP_TEXT_H

#include "base/slice.h"

/* Whether `c` may be part of a token. Spec: RFC 9110 section 5.6.2. */
bool http_is_token_char(char c);

/* Whether `s` is a token: a method, a header's name. */
bool http_is_token(struct slice s);

/*
 * Whether `s` may be a header's value: no control character but the tab; bytes from 0x80 up are
 * allowed, since S3's user metadata comes so. Blanks at the ends are allowed.
 * Spec: RFC 9110 section 5.5.
 */
bool http_is_field_value(struct slice s);

/*
 * Takes the next element off a comma-separated list, without blanks around it; empty elements are
 * skipped. False when there is none left.
 * Spec: RFC 9110 section 5.6.1.
 */
bool http_list_next(struct slice *list, struct slice *ret_element);

#endif
