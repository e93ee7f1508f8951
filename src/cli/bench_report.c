#include "cli/bench_report.h"

#include <unistd.h>

#include "base/check.h"
#include "base/date.h"
#include "json/writer.h"

enum { BAR_CELLS = 24, TEXT_CAP = 32 };

void bench_bar_init(struct bench_bar *bar, FILE *out, const char *what) {
    *bar = (struct bench_bar){.out = out, .what = what, .is_terminal = isatty(fileno(out)) == 1};
}

/* "1.2 GiB", "37 B" */
static const char *bytes_text(double bytes, char *text) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < ARRAY_LEN(units); unit++) bytes /= 1024;
    snprintf(text, TEXT_CAP, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return text;
}

/* "12 345" */
static const char *count_text(uint64_t count, char *text) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    char *at = text;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) *at++ = ' ';
        *at++ = digits[i];
    }
    *at = 0;
    return text;
}

/* "412 us", "3.71 ms", "1.50 s" */
static const char *time_text(uint64_t ns, char *text) {
    double us = (double)ns / 1000;
    if (us < 1000) {
        snprintf(text, TEXT_CAP, "%.0f us", us);
    } else if (us < 1000000) {
        snprintf(text, TEXT_CAP, "%.2f ms", us / 1000);
    } else {
        snprintf(text, TEXT_CAP, "%.2f s", us / 1000000);
    }
    return text;
}

static double bar_fraction(const struct bench_bar *bar, const struct bench_progress *progress) {
    double done = 0;
    if (bar->total_ns > 0) {
        done = (double)progress->elapsed_ns / (double)bar->total_ns;
    } else if (bar->total > 0) {
        done = (double)(progress->requests + progress->errors) / (double)bar->total;
    }
    return done < 1 ? done : 1;
}

void bench_bar_show(void *context, const struct bench_progress *progress) {
    struct bench_bar *bar = context;
    char cells[BAR_CELLS + 1];
    char rate[TEXT_CAP];
    char errors[TEXT_CAP];
    int64_t passed_ns = progress->elapsed_ns - bar->last_ns;
    if (!bar->is_terminal || passed_ns <= 0) return;
    double fraction = bar_fraction(bar, progress);
    for (int i = 0; i < BAR_CELLS; i++) cells[i] = i < (int)(fraction * BAR_CELLS) ? '#' : '.';
    cells[BAR_CELLS] = 0;
    double recent = (double)(progress->requests - bar->last_requests);
    count_text((uint64_t)(recent * (double)NS_PER_S / (double)passed_ns), rate);
    fprintf(bar->out, "\r\033[K%s [%s] %3.0f %%  %s/s  %s errors", bar->what, cells, 100 * fraction,
            rate, count_text(progress->errors, errors));
    fflush(bar->out);
    bar->last_ns = progress->elapsed_ns;
    bar->last_requests = progress->requests;
}

void bench_bar_end(struct bench_bar *bar) {
    if (!bar->is_terminal) return;
    fprintf(bar->out, "\r\033[K");
    fflush(bar->out);
}

/* Per second of the measured time. */
static double per_second(uint64_t amount, const struct bench_result *result) {
    if (result->elapsed_ns <= 0) return 0;
    return (double)amount * (double)NS_PER_S / (double)result->elapsed_ns;
}

static void print_latency(const struct histogram *latency_ns, FILE *out) {
    static const struct {
        const char *name;
        unsigned per_mille;
    } points[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p99.9", 999}, {"max", 1000}};
    char text[TEXT_CAP];
    fprintf(out, "  latency   ");
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        fprintf(out, "%s%s %s", i > 0 ? "   " : "", points[i].name,
                time_text(histogram_at(latency_ns, points[i].per_mille), text));
    }
    fputc('\n', out);
}

static void print_tally(const char *name, const struct bench_tally *tally,
                        const struct bench_result *result, FILE *out) {
    char count[TEXT_CAP], rate[TEXT_CAP], bytes[TEXT_CAP];
    double ops = per_second(tally->latency_ns.count, result);
    fprintf(out, "%s: %s requests in %.2f s\n", name, count_text(tally->latency_ns.count, count),
            (double)result->elapsed_ns / (double)NS_PER_S);
    fprintf(out, "  rate      %s/s   %s/s\n", count_text((uint64_t)(ops + 0.5), rate),
            bytes_text(per_second(tally->bytes, result), bytes));
    print_latency(&tally->latency_ns, out);
}

static void print_errors(const struct bench_errors *errors, FILE *out) {
    char count[TEXT_CAP];
    fprintf(out, "  errors    %s\n", count_text(errors->total, count));
    for (size_t i = 0; i < errors->kind_count; i++) {
        const struct bench_error *kind = &errors->kinds[i];
        char status[16] = "";
        if (kind->status > 0) snprintf(status, sizeof status, "%d ", kind->status);
        fprintf(out, "            %s of %s%s\n", count_text(kind->count, count), status,
                kind->code);
    }
}

void bench_report_print(const struct bench_options *options, const struct bench_result *result,
                        FILE *out) {
    static struct bench_tally total; /* large, and there is one report */
    bench_result_total(result, &total);
    print_tally(bench_operation_name(options->operation), &total, result, out);
    print_errors(&result->errors, out);
    if (options->operation != BENCH_MIXED) return;
    for (int i = 0; i < BENCH_MIXED; i++) {
        if (result->tallies[i].latency_ns.count == 0) continue;
        print_tally(bench_operation_name((enum bench_operation)i), &result->tallies[i], result,
                    out);
    }
}

static void json_latency(struct json_writer *json, const struct histogram *latency_ns) {
    json_key(json, "latency_us");
    json_begin_object(json);
    json_member_u64(json, "p50", histogram_at(latency_ns, 500) / 1000);
    json_member_u64(json, "p90", histogram_at(latency_ns, 900) / 1000);
    json_member_u64(json, "p99", histogram_at(latency_ns, 990) / 1000);
    json_member_u64(json, "p999", histogram_at(latency_ns, 999) / 1000);
    json_member_u64(json, "max", histogram_at(latency_ns, 1000) / 1000);
    json_end_object(json);
}

static void json_tally(struct json_writer *json, const struct bench_tally *tally,
                       const struct bench_result *result) {
    json_member_u64(json, "operations", tally->latency_ns.count);
    json_key(json, "ops_per_second");
    json_write_double(json, per_second(tally->latency_ns.count, result));
    json_key(json, "bytes_per_second");
    json_write_double(json, per_second(tally->bytes, result));
    json_latency(json, &tally->latency_ns);
}

static void json_errors(struct json_writer *json, const struct bench_errors *errors) {
    json_member_u64(json, "errors", errors->total);
    json_key(json, "errors_by_kind");
    json_begin_array(json);
    for (size_t i = 0; i < errors->kind_count; i++) {
        json_begin_object(json);
        json_member_u64(json, "status", (uint64_t)errors->kinds[i].status);
        json_member_str(json, "code", errors->kinds[i].code);
        json_member_u64(json, "count", errors->kinds[i].count);
        json_end_object(json);
    }
    json_end_array(json);
}

static void json_by_operation(struct json_writer *json, const struct bench_result *result) {
    json_key(json, "by_operation");
    json_begin_object(json);
    for (int i = 0; i < BENCH_MIXED; i++) {
        if (result->tallies[i].latency_ns.count == 0) continue;
        json_key(json, bench_operation_name((enum bench_operation)i));
        json_begin_object(json);
        json_tally(json, &result->tallies[i], result);
        json_end_object(json);
    }
    json_end_object(json);
}

void bench_report_json(const struct bench_options *options, const struct bench_result *result,
                       struct buf *out) {
    static struct bench_tally total; /* large, and there is one report */
    struct json_writer json;
    bench_result_total(result, &total);
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_member_str(&json, "operation", bench_operation_name(options->operation));
    json_member_str(&json, "endpoint", options->endpoint);
    json_member_str(&json, "bucket", options->bucket);
    json_member_u64(&json, "size_bytes", options->size_bytes);
    json_member_u64(&json, "concurrency", options->concurrency);
    json_member_bool(&json, "signed", !options->is_unsigned);
    json_key(&json, "seconds");
    json_write_double(&json, (double)result->elapsed_ns / (double)NS_PER_S);
    json_tally(&json, &total, result);
    json_errors(&json, &result->errors);
    if (options->operation == BENCH_MIXED) json_by_operation(&json, result);
    json_end_object(&json);
}
