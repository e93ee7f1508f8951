#include "base/date.h"

#include <stdio.h>

enum { YEAR_MIN = 1677, S_PER_DAY = 24 * 60 * 60 }; /* INT64_MIN is in 1677 */

static const char weekdays[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                     "Thursday", "Friday", "Saturday"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* A time taken apart, in UTC. */
struct parts {
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
    int hour;
    int minute;
    int second;
    int ns;
    int weekday; /* 0 is Sunday; parsed, but nobody holds a date to it */
    int offset_s;
};

static bool is_leap(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int year, int month) {
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/*
 * Days from 1970-01-01 to that day. Years are counted from March, so that the leap day is the last
 * of its year and the lengths of the months before it follow one line.
 */
static int64_t days_from_date(int year, int month, int day) {
    int64_t y = month > 2 ? year : year - 1;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

/* The inverse of days_from_date from YEAR_MIN on. */
static void date_from_days(int64_t days, struct parts *parts) {
    int year = YEAR_MIN + (int)((days - days_from_date(YEAR_MIN, 1, 1)) / 366);
    while (days >= days_from_date(year + 1, 1, 1)) year++;
    int month = 1;
    while (month < 12 && days >= days_from_date(year, month + 1, 1)) month++;
    parts->year = year;
    parts->month = month;
    parts->day = (int)(days - days_from_date(year, month, 1)) + 1;
    parts->weekday = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

/* Quotient and remainder with the remainder never negative. */
static int64_t divide(int64_t value, int64_t by, int64_t *ret_rest) {
    int64_t rest = value % by;
    *ret_rest = rest < 0 ? rest + by : rest;
    return value / by - (rest < 0);
}

static struct parts parts_of(int64_t time_ns) {
    int64_t ns, of_day;
    int64_t seconds = divide(time_ns, NS_PER_S, &ns);
    int64_t days = divide(seconds, S_PER_DAY, &of_day);
    struct parts parts = {.ns = (int)ns,
                          .hour = (int)(of_day / 3600),
                          .minute = (int)(of_day / 60 % 60),
                          .second = (int)(of_day % 60)};
    date_from_days(days, &parts);
    return parts;
}

/* Each puts something to `*at` and moves it on. By hand: a page of a listing has a thousand dates,
 * and snprintf was a tenth of its cost. */
static void put_digits(char **at, int value, int count) {
    for (int i = count - 1; i >= 0; i--) {
        (*at)[i] = (char)('0' + value % 10);
        value /= 10;
    }
    *at += count;
}

static void put_text(char **at, const char *text, size_t len) {
    memcpy(*at, text, len);
    *at += len;
}

/* A number of two digits and what stands behind it. */
static void put_pair(char **at, int value, char behind) {
    put_digits(at, value, 2);
    *(*at)++ = behind;
}

void date_format_http(int64_t time_ns, char *out) {
    struct parts p = parts_of(time_ns);
    put_text(&out, weekdays[p.weekday], 3);
    put_text(&out, ", ", 2);
    put_pair(&out, p.day, ' ');
    put_text(&out, months[p.month - 1], 3);
    *out++ = ' ';
    put_digits(&out, p.year, 4);
    *out++ = ' ';
    put_pair(&out, p.hour, ':');
    put_pair(&out, p.minute, ':');
    put_digits(&out, p.second, 2);
    put_text(&out, " GMT", sizeof " GMT");
}

void date_format_iso_ms(int64_t time_ns, char *out) {
    struct parts p = parts_of(time_ns);
    put_digits(&out, p.year, 4);
    *out++ = '-';
    put_pair(&out, p.month, '-');
    put_pair(&out, p.day, 'T');
    put_pair(&out, p.hour, ':');
    put_pair(&out, p.minute, ':');
    put_pair(&out, p.second, '.');
    put_digits(&out, (int)(p.ns / NS_PER_MS), 3);
    put_text(&out, "Z", sizeof "Z");
}

void date_format_compact(int64_t time_ns, char *out) {
    struct parts p = parts_of(time_ns);
    put_digits(&out, p.year, 4);
    put_digits(&out, p.month, 2);
    put_pair(&out, p.day, 'T');
    put_digits(&out, p.hour, 2);
    put_digits(&out, p.minute, 2);
    put_pair(&out, p.second, 'Z');
    *out = '\0';
}

/*
 * The time of parsed parts; false for a date that does not exist or that cannot be held. A leap
 * second is read as the second before it, since no clock of ours has it.
 */
static bool parts_to_time(const struct parts *parts, int64_t *ret_time_ns) {
    struct parts p = *parts;
    bool exists = p.year >= 1 && p.month >= 1 && p.month <= 12 && p.day >= 1 &&
                  p.day <= month_days(p.year, p.month) && p.hour <= 23 && p.minute <= 59 &&
                  p.second <= 60;
    if (!exists) return false;
    if (p.second == 60) p.second = 59;
    int64_t days = days_from_date(p.year, p.month, p.day);
    int64_t seconds = days * S_PER_DAY + p.hour * 3600 + p.minute * 60 + p.second - p.offset_s;
    int64_t time_ns;
    bool fits = seconds >= 0 && !__builtin_mul_overflow(seconds, NS_PER_S, &time_ns) &&
                !__builtin_add_overflow(time_ns, p.ns, &time_ns);
    if (fits) *ret_time_ns = time_ns;
    return fits;
}

/* What is left of the text that is being parsed. Every take_ is false where its piece is absent. */
struct cursor {
    struct slice rest;
};

static bool take_text(struct cursor *at, const char *text) {
    struct slice wanted = slice_str(text);
    if (!slice_starts_with(at->rest, wanted)) return false;
    at->rest = slice_skip(at->rest, wanted.len);
    return true;
}

/* Takes exactly `digits` digits. */
static bool take_number(struct cursor *at, size_t digits, int *ret_number) {
    uint64_t number;
    if (at->rest.len < digits || !slice_parse_u64(slice_take(at->rest, digits), &number)) {
        return false;
    }
    at->rest = slice_skip(at->rest, digits);
    *ret_number = (int)number;
    return true;
}

static bool take_month(struct cursor *at, int *ret_month) {
    for (int i = 0; i < 12; i++) {
        if (!take_text(at, months[i])) continue;
        *ret_month = i + 1;
        return true;
    }
    return false;
}

/* Takes the name of a day, its first `len` letters or, where `len` is 0, all of them. */
static bool take_weekday(struct cursor *at, size_t len, int *ret_weekday) {
    for (int i = 0; i < 7; i++) {
        struct slice name = slice_str(weekdays[i]);
        if (len > 0) name = slice_take(name, len);
        if (!slice_starts_with(at->rest, name)) continue;
        at->rest = slice_skip(at->rest, name.len);
        *ret_weekday = i;
        return true;
    }
    return false;
}

static bool take_clock(struct cursor *at, struct parts *parts) {
    return take_number(at, 2, &parts->hour) && take_text(at, ":") &&
           take_number(at, 2, &parts->minute) && take_text(at, ":") &&
           take_number(at, 2, &parts->second);
}

/* Takes a sign, hours, `separator` and minutes. */
static bool take_offset(struct cursor *at, const char *separator, struct parts *parts) {
    int sign = take_text(at, "-") ? -1 : take_text(at, "+") ? 1 : 0;
    int hours, minutes;
    bool whole = sign != 0 && take_number(at, 2, &hours) && take_text(at, separator) &&
                 take_number(at, 2, &minutes) && hours <= 23 && minutes <= 59;
    if (whole) parts->offset_s = sign * (hours * 3600 + minutes * 60);
    return whole;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", or a numeric zone for GMT. */
static bool parse_imf(struct slice text, struct parts *parts) {
    struct cursor at = {text};
    return take_weekday(&at, 3, &parts->weekday) && take_text(&at, ", ") &&
           take_number(&at, 2, &parts->day) && take_text(&at, " ") &&
           take_month(&at, &parts->month) && take_text(&at, " ") &&
           take_number(&at, 4, &parts->year) && take_text(&at, " ") && take_clock(&at, parts) &&
           take_text(&at, " ") && (take_text(&at, "GMT") || take_offset(&at, "", parts)) &&
           at.rest.len == 0;
}

/*
 * "Sunday, 06-Nov-94 08:49:37 GMT". RFC 9110 section 5.6.7: a year that seems to be more than fifty
 * years ahead is in the past; without a clock to ask here, that is settled by POSIX's rule, from
 * 1969 to 2068.
 */
static bool parse_rfc850(struct slice text, struct parts *parts) {
    struct cursor at = {text};
    bool whole = take_weekday(&at, 0, &parts->weekday) && take_text(&at, ", ") &&
                 take_number(&at, 2, &parts->day) && take_text(&at, "-") &&
                 take_month(&at, &parts->month) && take_text(&at, "-") &&
                 take_number(&at, 2, &parts->year) && take_text(&at, " ") &&
                 take_clock(&at, parts) && take_text(&at, " GMT") && at.rest.len == 0;
    if (whole) parts->year += parts->year < 69 ? 2000 : 1900;
    return whole;
}

/* "Sun Nov  6 08:49:37 1994" */
static bool parse_asctime(struct slice text, struct parts *parts) {
    struct cursor at = {text};
    return take_weekday(&at, 3, &parts->weekday) && take_text(&at, " ") &&
           take_month(&at, &parts->month) && take_text(&at, " ") &&
           take_number(&at, take_text(&at, " ") ? 1 : 2, &parts->day) && take_text(&at, " ") &&
           take_clock(&at, parts) && take_text(&at, " ") && take_number(&at, 4, &parts->year) &&
           at.rest.len == 0;
}

bool date_parse_http(struct slice text, int64_t *ret_time_ns) {
    struct parts imf = {0}, rfc850 = {0}, asctime_form = {0};
    if (parse_imf(text, &imf)) return parts_to_time(&imf, ret_time_ns);
    if (parse_rfc850(text, &rfc850)) return parts_to_time(&rfc850, ret_time_ns);
    return parse_asctime(text, &asctime_form) && parts_to_time(&asctime_form, ret_time_ns);
}

/* Takes ".123…", one digit at least; what is finer than a nanosecond is dropped. */
static bool take_fraction(struct cursor *at, struct parts *parts) {
    int digit;
    int unit = (int)(NS_PER_S / 10);
    if (!take_text(at, ".")) return true;
    if (!take_number(at, 1, &digit)) return false;
    do {
        parts->ns += digit * unit;
        unit /= 10;
    } while (take_number(at, 1, &digit));
    return true;
}

bool date_parse_iso(struct slice text, int64_t *ret_time_ns) {
    struct cursor at = {text};
    struct parts parts = {0};
    bool whole = take_number(&at, 4, &parts.year) && take_text(&at, "-") &&
                 take_number(&at, 2, &parts.month) && take_text(&at, "-") &&
                 take_number(&at, 2, &parts.day) && take_text(&at, "T") &&
                 take_clock(&at, &parts) && take_fraction(&at, &parts) &&
                 (take_text(&at, "Z") || take_offset(&at, ":", &parts)) && at.rest.len == 0;
    return whole && parts_to_time(&parts, ret_time_ns);
}

bool date_parse_compact(struct slice text, int64_t *ret_time_ns) {
    struct cursor at = {text};
    struct parts parts = {0};
    bool whole = take_number(&at, 4, &parts.year) && take_number(&at, 2, &parts.month) &&
                 take_number(&at, 2, &parts.day) && take_text(&at, "T") &&
                 take_number(&at, 2, &parts.hour) && take_number(&at, 2, &parts.minute) &&
                 take_number(&at, 2, &parts.second) && take_text(&at, "Z") && at.rest.len == 0;
    return whole && parts_to_time(&parts, ret_time_ns);
}
