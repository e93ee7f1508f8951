/* Any bytes as a date in every form: what is read can be written, and reads the same. */
#include <stdint.h>

#include "base/check.h"
#include "base/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(int64_t time_ns) {
    char text[DATE_TEXT_CAP];
    int64_t back;
    CHECK(time_ns >= 0);
    date_format_http(time_ns, text);
    CHECK(strlen(text) == DATE_HTTP_LEN && date_parse_http(slice_str(text), &back));
    CHECK(back == time_ns - time_ns % NS_PER_S);
    date_format_iso_ms(time_ns, text);
    CHECK(strlen(text) == DATE_ISO_MS_LEN && date_parse_iso(slice_str(text), &back));
    CHECK(back == time_ns - time_ns % NS_PER_MS);
    date_format_compact(time_ns, text);
    CHECK(strlen(text) == DATE_COMPACT_LEN && date_parse_compact(slice_str(text), &back));
    CHECK(back == time_ns - time_ns % NS_PER_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice text = slice_of(data, size);
    int64_t time_ns;
    if (date_parse_http(text, &time_ns)) check_round_trip(time_ns);
    if (date_parse_iso(text, &time_ns)) check_round_trip(time_ns);
    if (date_parse_compact(text, &time_ns)) check_round_trip(time_ns);
    if (size >= sizeof time_ns) {
        char out[DATE_TEXT_CAP];
        memcpy(&time_ns, data, sizeof time_ns);
        date_format_http(time_ns, out); /* any time at all can be written */
        date_format_iso_ms(time_ns, out);
        date_format_compact(time_ns, out);
    }
    return 0;
}
