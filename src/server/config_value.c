#include "server/config_value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/date.h"
#include "http/url.h"
#include "server/config.h"

/* Where a value goes: what every parser of a type is given. */
struct target {
    const struct config_row *row;
    struct arena *arena;
    struct note *note;
    void *field;
};

static struct status refuse(const struct target *t, struct slice text, const char *expected) {
    return note_status(t->note, STATUS_INVALID, "'%.*s' is not %s", SLICE_FMT(slice_take(text, 80)),
                       expected);
}

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool config_name_is_valid(struct slice name) {
    if (name.len == 0 || name.len > CONFIG_NAME_MAX) return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_char(name.ptr[i])) return false;
    }
    return true;
}

static struct status set_text(const struct target *t, struct slice text) {
    char *copy = arena_cstr(t->arena, text);
    if (copy == NULL) return status_of(STATUS_NO_MEMORY);
    *(const char **)t->field = copy;
    return status_ok();
}

static struct status parse_name(const struct target *t, struct slice text) {
    if (!config_name_is_valid(text)) {
        return refuse(t, text, "a name of at most 63 letters, digits, '.', '_' and '-'");
    }
    return set_text(t, text);
}

static struct status parse_path(const struct target *t, struct slice text) {
    if (text.len == 0) return refuse(t, text, "a path");
    /* libinih leaves `path # remark` whole, and a file of that name is never what was meant. */
    if (slice_find(text, SLICE(" #"), 0) < text.len) {
        return refuse(t, text, "a path: a remark that begins with # needs a line of its own");
    }
    return set_text(t, text);
}

static struct status parse_url(const struct target *t, struct slice text) {
    struct http_url url;
    if (slice_ends_with(text, SLICE("/"))) text.len--;
    bool good = is_ok(http_url_parse(text, NULL, &url)) && url.query.len == 0;
    return good ? set_text(t, text) : refuse(t, text, "a URL as in https://host:5000");
}

static struct status parse_text(const struct target *t, struct slice text) {
    return text.len > 0 ? set_text(t, text) : refuse(t, text, "a text");
}

static struct status parse_path_or_off(const struct target *t, struct slice text) {
    if (!slice_eq(text, SLICE("off"))) return parse_path(t, text);
    *(const char **)t->field = NULL;
    return status_ok();
}

struct choice {
    const char *word;
    int value;
};

static struct status parse_choice(const struct target *t, struct slice text,
                                  const struct choice *choices, size_t count, const char *expected,
                                  int *ret_value) {
    for (size_t i = 0; i < count; i++) {
        if (!slice_eq(text, slice_str(choices[i].word))) continue;
        *ret_value = choices[i].value;
        return status_ok();
    }
    return refuse(t, text, expected);
}

static struct status parse_bool(const struct target *t, struct slice text) {
    static const struct choice choices[] = {{"on", 1}, {"off", 0}};
    int value = 0;
    TRY(parse_choice(t, text, choices, 2, "'on' or 'off'", &value));
    *(bool *)t->field = value != 0;
    return status_ok();
}

static struct status parse_media(const struct target *t, struct slice text) {
    static const struct choice choices[] = {{"hdd", CONFIG_MEDIA_HDD}, {"ssd", CONFIG_MEDIA_SSD}};
    int value = 0;
    TRY(parse_choice(t, text, choices, 2, "'hdd' or 'ssd'", &value));
    *(enum config_media *)t->field = (enum config_media)value;
    return status_ok();
}

static struct status parse_identity_mode(const struct target *t, struct slice text) {
    static const struct choice choices[] = {{"builtin", CONFIG_IDENTITY_BUILTIN},
                                            {"keystone", CONFIG_IDENTITY_KEYSTONE}};
    int value = 0;
    TRY(parse_choice(t, text, choices, 2, "'builtin' or 'keystone'", &value));
    *(enum config_identity_mode *)t->field = (enum config_identity_mode)value;
    return status_ok();
}

static struct status parse_ownership(const struct target *t, struct slice text) {
    static const struct choice choices[] = {{"enforced", ACL_OWNER_ENFORCED},
                                            {"preferred", ACL_OWNER_PREFERRED},
                                            {"writer", ACL_OBJECT_WRITER}};
    int value = 0;
    TRY(parse_choice(t, text, choices, 3, "'enforced', 'preferred' or 'writer'", &value));
    *(enum acl_ownership *)t->field = (enum acl_ownership)value;
    return status_ok();
}

static struct status parse_access_format(const struct target *t, struct slice text) {
    static const struct choice choices[] = {{"json", ACCESS_LOG_JSON}, {"s3", ACCESS_LOG_S3}};
    int value = 0;
    TRY(parse_choice(t, text, choices, 2, "'json' or 's3'", &value));
    *(enum access_log_format *)t->field = (enum access_log_format)value;
    return status_ok();
}

static struct status parse_log_level(const struct target *t, struct slice text) {
    if (log_level_parse(text, t->field)) return status_ok();
    return refuse(t, text, "'error', 'warning', 'info' or 'debug'");
}

struct unit {
    const char *word;
    uint64_t factor;
};

static const struct unit size_units[] = {
    {"TiB", UINT64_C(1) << 40},
    {"GiB", 1 << 30},
    {"MiB", 1 << 20},
    {"KiB", 1 << 10},
    {"TB", 1000000000000},
    {"GB", 1000000000},
    {"MB", 1000000},
    {"kB", 1000},
    {"B", 1},
    {"", 1},
};

static const struct unit duration_units[] = {
    {"d", 86400 * (uint64_t)NS_PER_S}, {"h", 3600 * (uint64_t)NS_PER_S},
    {"m", 60 * (uint64_t)NS_PER_S},    {"s", (uint64_t)NS_PER_S},
    {"ms", (uint64_t)NS_PER_MS},
};

/* Splits digits and unit; false where that is not what `text` is, or it overflows. */
static bool parse_with_unit(struct slice text, const struct unit *units, size_t count,
                            uint64_t *ret_value) {
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') digits++;
    uint64_t number;
    if (!slice_parse_u64(slice_take(text, digits), &number)) return false;
    struct slice word = slice_trim(slice_skip(text, digits));
    for (size_t i = 0; i < count; i++) {
        if (!slice_eq(word, slice_str(units[i].word))) continue;
        return !__builtin_mul_overflow(number, units[i].factor, ret_value);
    }
    return false;
}

/* Writes `value` in the largest unit that divides it. */
static void format_with_unit(uint64_t value, const struct unit *units, size_t count, char *out,
                             size_t cap) {
    size_t i = 0;
    while (i + 1 < count && (value == 0 || value % units[i].factor != 0)) i++;
    snprintf(out, cap, "%" PRIu64 "%s", value / units[i].factor, units[i].word);
}

static struct status check_bounds(const struct target *t, struct slice text, uint64_t value,
                                  const struct unit *units, size_t count) {
    uint64_t min = (uint64_t)t->row->min;
    uint64_t max = (uint64_t)t->row->max;
    if (value >= min && value <= max) return status_ok();
    char low[32];
    char high[32];
    format_with_unit(min, units, count, low, sizeof low);
    format_with_unit(max, units, count, high, sizeof high);
    return note_status(t->note, STATUS_INVALID, "%.*s is out of bounds: from %s to %s",
                       SLICE_FMT(slice_take(text, 80)), low, high);
}

static struct status parse_count(const struct target *t, struct slice text) {
    static const struct unit none = {"", 1};
    uint64_t value;
    if (!slice_parse_u64(text, &value)) return refuse(t, text, "a whole number");
    TRY(check_bounds(t, text, value, &none, 1));
    *(uint64_t *)t->field = value;
    return status_ok();
}

static struct status parse_size(const struct target *t, struct slice text) {
    size_t count = sizeof size_units / sizeof size_units[0];
    uint64_t value;
    if (!parse_with_unit(text, size_units, count, &value)) {
        return refuse(t, text, "a size, as in 64MiB");
    }
    TRY(check_bounds(t, text, value, size_units, count));
    *(uint64_t *)t->field = value;
    return status_ok();
}

static struct status parse_duration(const struct target *t, struct slice text) {
    size_t count = sizeof duration_units / sizeof duration_units[0];
    uint64_t value;
    if (!parse_with_unit(text, duration_units, count, &value)) {
        return refuse(t, text, "a duration with its unit, as in 500ms, 30s, 5m");
    }
    TRY(check_bounds(t, text, value, duration_units, count));
    *(int64_t *)t->field = (int64_t)value;
    return status_ok();
}

static struct status parse_erasure_code(const struct target *t, struct slice text) {
    struct slice data;
    struct slice parity;
    uint64_t k;
    uint64_t m;
    bool form = slice_cut(text, '+', &data, &parity) && slice_parse_u64(slice_trim(data), &k) &&
                slice_parse_u64(slice_trim(parity), &m);
    if (!form || k < 2 || m < 1 || k > 24 || m > 8) {
        return refuse(t, text, "an erasure code of 2 to 24 data and 1 to 8 parity pieces, as 4+2");
    }
    struct config_erasure_code *code = t->field;
    code->data_pieces = (unsigned)k;
    code->parity_pieces = (unsigned)m;
    return status_ok();
}

static bool parse_ipv4(const char *text, uint16_t port, struct config_address *out) {
    struct sockaddr_in *in = (struct sockaddr_in *)&out->address;
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    out->length = sizeof *in;
    return inet_pton(AF_INET, text, &in->sin_addr) == 1;
}

static bool parse_ipv6(const char *text, uint16_t port, struct config_address *out) {
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->address;
    *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    out->length = sizeof *in6;
    return inet_pton(AF_INET6, text, &in6->sin6_addr) == 1;
}

/* Splits HOST:PORT or [HOST]:PORT; the host without its brackets goes to `host`. */
static bool split_address(struct slice text, char *host, size_t host_cap, bool *ret_brackets,
                          uint16_t *ret_port) {
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') colon--;
    uint64_t port;
    if (colon == 0 || !slice_parse_u64(slice_skip(text, colon), &port) || port > UINT16_MAX) {
        return false;
    }
    struct slice name = slice_take(text, colon - 1);
    *ret_brackets = name.len >= 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    if (*ret_brackets) name = slice_of(name.ptr + 1, name.len - 2);
    if (name.len == 0 || name.len >= host_cap) return false;
    memcpy(host, name.ptr, name.len);
    host[name.len] = 0;
    *ret_port = (uint16_t)port;
    return true;
}

static bool parse_address(struct slice text, struct config_address *ret_address) {
    char host[CONFIG_ADDRESS_TEXT_MAX - 8];
    bool brackets;
    uint16_t port;
    struct config_address address = {0};
    if (!split_address(text, host, sizeof host, &brackets, &port)) return false;
    const char *name = host;
    if (!brackets && strcmp(host, "localhost") == 0) name = "127.0.0.1";
    bool all = !brackets && strcmp(host, "*") == 0;
    bool known = all        ? parse_ipv6("::", port, &address)
                 : brackets ? parse_ipv6(name, port, &address)
                            : parse_ipv4(name, port, &address);
    if (!known) return false;
    snprintf(address.text, sizeof address.text, "%s%s%s:%u", brackets ? "[" : "", name,
             brackets ? "]" : "", (unsigned)port);
    *ret_address = address;
    return true;
}

/* A list is a pointer and a count; this grows one by `size` zeroed bytes. */
static struct status list_grow(const struct target *t, void **items, size_t *count, size_t size,
                               void **ret_item) {
    if (*count >= (size_t)t->row->max) {
        return note_status(t->note, STATUS_INVALID, "more than %d entries", (int)t->row->max);
    }
    char *grown = arena_calloc(t->arena, *count + 1, size);
    if (grown == NULL) return status_of(STATUS_NO_MEMORY);
    if (*count > 0) memcpy(grown, *items, *count * size);
    *items = grown;
    *ret_item = grown + *count * size;
    (*count)++;
    return status_ok();
}

static struct status add_word(const struct target *t, struct slice text) {
    struct config_words *words = t->field;
    for (size_t i = 0; i < words->count; i++) {
        if (!slice_eq(slice_str(words->items[i]), text)) continue;
        return note_status(t->note, STATUS_INVALID, "'%.*s' is there twice", SLICE_FMT(text));
    }
    char *copy = arena_cstr(t->arena, text);
    if (copy == NULL) return status_of(STATUS_NO_MEMORY);
    void *items = words->items;
    void *item;
    TRY(list_grow(t, &items, &words->count, sizeof(char *), &item));
    words->items = items;
    *(const char **)item = copy;
    return status_ok();
}

static struct status add_name(const struct target *t, struct slice text) {
    if (!config_name_is_valid(text)) return refuse(t, text, "a name");
    return add_word(t, text);
}

static bool is_host_name(struct slice host) {
    if (slice_starts_with(host, SLICE("*."))) host = slice_skip(host, 2);
    if (host.len == 0 || host.len > 253) return false;
    char before = '.';
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!is_name_char(c) || (c == '.' && before == '.')) return false;
        before = c;
    }
    return before != '.';
}

static struct status add_host(const struct target *t, struct slice text) {
    if (!is_host_name(text)) return refuse(t, text, "a host name or *.NAME, without a port");
    char lower[256];
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return add_word(t, slice_of(lower, text.len));
}

static struct status add_address(const struct target *t, struct slice text) {
    struct config_address address;
    if (!parse_address(text, &address)) {
        return refuse(t, text, "an address to listen on, as in 127.0.0.1:9000, [::1]:9000, *:9000");
    }
    struct config_addresses *list = t->field;
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].text, address.text) != 0) continue;
        return note_status(t->note, STATUS_INVALID, "'%s' is there twice", address.text);
    }
    void *items = list->items;
    void *item;
    TRY(list_grow(t, &items, &list->count, sizeof address, &item));
    list->items = items;
    memcpy(item, &address, sizeof address);
    return status_ok();
}

static struct status add_network(const struct target *t, struct slice text) {
    struct net_network network;
    if (!is_ok(net_network_parse(text, &network))) {
        return refuse(t, text, "a network, as in 10.0.0.0/8 (no bits set after the prefix)");
    }
    struct config_networks *list = t->field;
    void *items = list->items;
    void *item;
    TRY(list_grow(t, &items, &list->count, sizeof network, &item));
    list->items = items;
    memcpy(item, &network, sizeof network);
    return status_ok();
}

static struct status add_tempauth_user(const struct target *t, struct slice text) {
    struct tempauth_user user;
    struct slice copy = arena_dup(t->arena, text);
    TRY(arena_ok(t->arena));
    TRY(tempauth_user_parse(copy, t->note, &user));
    struct config_tempauth_users *list = t->field;
    void *items = list->items;
    void *item;
    TRY(list_grow(t, &items, &list->count, sizeof user, &item));
    list->items = items;
    memcpy(item, &user, sizeof user);
    return status_ok();
}

struct type_row {
    struct status (*parse)(const struct target *t, struct slice text);
    bool list; /* parse takes one entry and adds it */
};

static const struct type_row types[] = {
    [CONFIG_TYPE_ACCESS_FORMAT] = {parse_access_format, false},
    [CONFIG_TYPE_ADDRESSES] = {add_address, true},
    [CONFIG_TYPE_BOOL] = {parse_bool, false},
    [CONFIG_TYPE_COUNT] = {parse_count, false},
    [CONFIG_TYPE_DURATION] = {parse_duration, false},
    [CONFIG_TYPE_ERASURE_CODE] = {parse_erasure_code, false},
    [CONFIG_TYPE_GROUP] = {parse_name, false},
    [CONFIG_TYPE_HOSTS] = {add_host, true},
    [CONFIG_TYPE_IDENTITY_MODE] = {parse_identity_mode, false},
    [CONFIG_TYPE_LOG_LEVEL] = {parse_log_level, false},
    [CONFIG_TYPE_MEDIA] = {parse_media, false},
    [CONFIG_TYPE_OWNERSHIP] = {parse_ownership, false},
    [CONFIG_TYPE_NAME] = {parse_name, false},
    [CONFIG_TYPE_NAMES] = {add_name, true},
    [CONFIG_TYPE_NETWORKS] = {add_network, true},
    [CONFIG_TYPE_PATH] = {parse_path, false},
    [CONFIG_TYPE_PATH_OR_OFF] = {parse_path_or_off, false},
    [CONFIG_TYPE_SIZE] = {parse_size, false},
    [CONFIG_TYPE_TEMPAUTH_USERS] = {add_tempauth_user, true},
    [CONFIG_TYPE_TEXT] = {parse_text, false},
    [CONFIG_TYPE_URL] = {parse_url, false},
    [CONFIG_TYPE_USER] = {parse_name, false},
};

bool config_type_is_list(enum config_type type) {
    return types[type].list;
}

static struct status parse_list(const struct target *t, struct slice text) {
    bool more = true;
    while (more) {
        struct slice entry;
        more = slice_cut(text, ',', &entry, &text);
        entry = slice_trim(entry);
        if (entry.len == 0) {
            return note_status(t->note, STATUS_INVALID, "an entry of the list is empty");
        }
        TRY(types[t->row->type].parse(t, entry));
    }
    return status_ok();
}

struct status config_value_parse(const struct config_row *row, struct slice text,
                                 struct arena *arena, struct note *note, void *object) {
    struct target t = {row, arena, note, (char *)object + row->offset};
    return types[row->type].list ? parse_list(&t, text) : types[row->type].parse(&t, text);
}
