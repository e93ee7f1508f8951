#include "json/scan.h"

#include "base/codec.h"
#include "json/reader.h"

struct level {
    bool is_object;
    size_t count;
};

struct scanner {
    struct slice text;
    size_t at;
    struct note *note;
    size_t depth;
    struct level levels[JSON_DEPTH_MAX];
};

static struct status malformed(const struct scanner *s) {
    return note_status(s->note, STATUS_INVALID, "this is not JSON, at byte %zu", s->at);
}

static struct status too_large(const struct scanner *s, const char *what) {
    return note_status(s->note, STATUS_TOO_LARGE, "%s", what);
}

/* The byte at the cursor, NUL behind the end: no valid JSON has one outside its strings. */
static char peek(const struct scanner *s) {
    return s->at < s->text.len ? s->text.ptr[s->at] : '\0';
}

static bool take(struct scanner *s, char c) {
    if (s->at >= s->text.len || s->text.ptr[s->at] != c) return false;
    s->at++;
    return true;
}

static void skip_blanks(struct scanner *s) {
    while (take(s, ' ') || take(s, '\t') || take(s, '\n') || take(s, '\r')) continue;
}

static bool take_digits(struct scanner *s) {
    size_t begin = s->at;
    while (peek(s) >= '0' && peek(s) <= '9') s->at++;
    return s->at > begin;
}

/* RFC 8259 section 6. */
static struct status scan_number(struct scanner *s) {
    (void)take(s, '-');
    if (!take(s, '0') && !take_digits(s)) return malformed(s);
    if (take(s, '.') && !take_digits(s)) return malformed(s);
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+')) (void)take(s, '-');
        if (!take_digits(s)) return malformed(s);
    }
    return status_ok();
}

static bool hex_value(struct slice digits, unsigned *ret_value) {
    unsigned char bytes[2];
    if (digits.len != 4 || !hex_decode(digits, bytes, sizeof bytes)) return false;
    *ret_value = (unsigned)bytes[0] << 8 | bytes[1];
    return true;
}

/* The four digits behind \u. */
static bool take_code_unit(struct scanner *s, unsigned *ret_value) {
    if (!hex_value(slice_take(slice_skip(s->text, s->at), 4), ret_value)) return false;
    s->at += 4;
    return true;
}

/* A low surrogate stands behind a high one and nowhere else. */
static struct status scan_unicode_escape(struct scanner *s) {
    unsigned unit;
    unsigned low;
    if (!take_code_unit(s, &unit)) return malformed(s);
    if (unit == 0) {
        return note_status(s->note, STATUS_INVALID, "a string in the JSON has a NUL in it");
    }
    if (unit < 0xd800 || unit > 0xdfff) return status_ok();
    bool paired = unit < 0xdc00 && take(s, '\\') && take(s, 'u') && take_code_unit(s, &low) &&
                  low >= 0xdc00 && low <= 0xdfff;
    return paired ? status_ok() : malformed(s);
}

static struct status scan_escape(struct scanner *s) {
    if (take(s, 'u')) return scan_unicode_escape(s);
    char c = peek(s);
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL) return malformed(s);
    s->at++;
    return status_ok();
}

/* RFC 8259 section 7. */
static struct status scan_string(struct scanner *s) {
    if (!take(s, '"')) return malformed(s);
    while (!take(s, '"')) {
        if ((unsigned char)peek(s) < ' ') return malformed(s);
        if (take(s, '\\')) {
            TRY(scan_escape(s));
        } else {
            s->at++;
        }
    }
    return status_ok();
}

static struct status scan_word(struct scanner *s, struct slice word) {
    if (!slice_starts_with(slice_skip(s->text, s->at), word)) return malformed(s);
    s->at += word.len;
    return status_ok();
}

static struct status scan_scalar(struct scanner *s) {
    switch (peek(s)) {
        case '"':
            return scan_string(s);
        case 't':
            return scan_word(s, SLICE("true"));
        case 'f':
            return scan_word(s, SLICE("false"));
        case 'n':
            return scan_word(s, SLICE("null"));
        default:
            return scan_number(s);
    }
}

static struct status enter(struct scanner *s, bool is_object) {
    if (s->depth == JSON_DEPTH_MAX) return too_large(s, "the JSON is nested too deeply");
    s->levels[s->depth++] = (struct level){.is_object = is_object};
    s->at++;
    return status_ok();
}

/* Begins an element or member: its comma, its name. `*ret_closed` when the level ends instead. */
static struct status begin_item(struct scanner *s, bool *ret_closed) {
    struct level *level = &s->levels[s->depth - 1];
    skip_blanks(s);
    *ret_closed = take(s, level->is_object ? '}' : ']');
    if (*ret_closed) {
        s->depth--;
        return status_ok();
    }
    if (level->count > 0 && !take(s, ',')) return malformed(s);
    level->count++;
    skip_blanks(s);
    if (!level->is_object) return status_ok();
    if (level->count > JSON_MEMBERS_MAX) return too_large(s, "a JSON object has too many members");
    TRY(scan_string(s));
    skip_blanks(s);
    if (!take(s, ':')) return malformed(s);
    skip_blanks(s);
    return status_ok();
}

/* Scans a scalar, or enters an array or object. */
static struct status scan_value(struct scanner *s) {
    char c = peek(s);
    if (c == '{' || c == '[') return enter(s, c == '{');
    return scan_scalar(s);
}

struct status json_scan(struct slice text, struct note *note) {
    struct scanner s = {.text = text, .note = note};
    if (text.len > JSON_BYTES_MAX) return too_large(&s, "the JSON is too large");
    if (!utf8_is_valid(text)) return note_status(note, STATUS_INVALID, "the JSON is not UTF-8");
    skip_blanks(&s);
    TRY(scan_value(&s));
    while (s.depth > 0) {
        bool closed;
        TRY(begin_item(&s, &closed));
        if (!closed) TRY(scan_value(&s));
    }
    skip_blanks(&s);
    return s.at == text.len ? status_ok() : malformed(&s);
}
