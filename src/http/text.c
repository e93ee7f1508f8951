#include "http/text.h"

enum { TOKEN = 1, FIELD = 2 };

/* What each byte may be part of: RFC 9110 section 5.6.2's tchar, section 5.5's field-content. */
static const unsigned char char_class[256] = {
    ['\t'] = FIELD,
    [' '] = FIELD,
    ['!'] = TOKEN | FIELD,
    ['"'] = FIELD,
    ['#' ... '\''] = TOKEN | FIELD,
    ['(' ... ')'] = FIELD,
    ['*' ... '+'] = TOKEN | FIELD,
    [','] = FIELD,
    ['-' ... '.'] = TOKEN | FIELD,
    ['/'] = FIELD,
    ['0' ... '9'] = TOKEN | FIELD,
    [':' ... '@'] = FIELD,
    ['A' ... 'Z'] = TOKEN | FIELD,
    ['[' ... ']'] = FIELD,
    ['^' ... '`'] = TOKEN | FIELD,
    ['a' ... 'z'] = TOKEN | FIELD,
    ['{'] = FIELD,
    ['|'] = TOKEN | FIELD,
    ['}'] = FIELD,
    ['~'] = TOKEN | FIELD,
    [0x80 ... 0xff] = FIELD,
};

static bool all_are(struct slice s, unsigned char wanted) {
    for (size_t i = 0; i < s.len; i++) {
        if ((char_class[(unsigned char)s.ptr[i]] & wanted) == 0) return false;
    }
    return true;
}

bool http_is_token_char(char c) {
    return (char_class[(unsigned char)c] & TOKEN) != 0;
}

bool http_is_token(struct slice s) {
    return s.len > 0 && all_are(s, TOKEN);
}

bool http_is_field_value(struct slice s) {
    return all_are(s, FIELD);
}

bool http_list_next(struct slice *list, struct slice *ret_element) {
    while (list->len > 0) {
        struct slice element;
        struct slice rest;
        slice_cut(*list, ',', &element, &rest);
        *list = rest;
        element = slice_trim(element);
        if (element.len == 0) continue;
        *ret_element = element;
        return true;
    }
    return false;
}
