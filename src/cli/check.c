#include "cli/check.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/admin_client.h"
#include "cli/args.h"
#include "cli/progress.h"
#include "json/writer.h"

enum { LINE_BYTES_MAX = 4096 };

struct wanted {
    struct cli_where where;
    bool json;
    bool repair;
    bool no_blocks;
};

static const struct args_option options[] = {
    {"--repair", NULL, ARGS_FLAG, "put right what can be", offsetof(struct wanted, repair)},
    {"--no-blocks", NULL, ARGS_FLAG,
     "don't read the bytes of objects, only what says where they are",
     offsetof(struct wanted, no_blocks)},
    {"--config", "FILE", ARGS_TEXT, "the configuration", offsetof(struct wanted, where.config)},
    {"--data", "DIR", ARGS_TEXT, "the data directory, without a configuration",
     offsetof(struct wanted, where.data)},
    {"--json", NULL, ARGS_FLAG, "print JSON", offsetof(struct wanted, json)},
};

static const struct args_spec spec = {
    .usage = "hink check [--repair] [--no-blocks] {DIR | --config FILE | --data DIR}",
    .about =
        "Looks at everything in a store that no server has open: records, space, checksums of all\n"
        "copies, references, counters. The exit code is 0 if nothing is wrong, or all that was "
        "has\n"
        "been repaired; 1 if something is wrong, or the check could not be done; 2 if the command\n"
        "line or the configuration is.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .positional_max = 1,
};

/* Prints what is found as it is found. */
struct printer {
    struct findings findings;
    bool json;
    struct progress progress;
};

static void print_json(const struct printer *printer, enum finding_kind kind, bool repaired,
                       const char *text) {
    struct buf out;
    struct json_writer w;
    buf_init(&out, LINE_BYTES_MAX);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_member_str(&w, "kind", finding_word(kind));
    json_member_bool(&w, "repaired", repaired);
    json_member_str(&w, "text", text);
    json_end_object(&w);
    printf("%s\n  %.*s", printer->findings.found > 1 ? "," : "{\"findings\":[",
           SLICE_FMT(buf_slice(&out)));
    buf_fini(&out);
}

static void printer_line(struct findings *findings, enum finding_kind kind, bool repaired,
                         const char *text) {
    struct printer *printer = CONTAINER_OF(findings, struct printer, findings);
    if (printer->json) {
        print_json(printer, kind, repaired, text);
        return;
    }
    progress_end(&printer->progress);
    printf("%s: %s%s\n", finding_word(kind), text, repaired ? " [repaired]" : "");
    fflush(stdout);
}

static void printer_step(struct findings *findings, const char *what, uint64_t done,
                         uint64_t total) {
    struct printer *printer = CONTAINER_OF(findings, struct printer, findings);
    char words[128];
    char size[24];
    if (printer->progress.what != what) printer->progress.percent = -1;
    printer->progress.what = what;
    if (total > 0) {
        snprintf(words, sizeof words, "%s, %llu found", progress_bytes(done, size, sizeof size),
                 (unsigned long long)findings->found);
    } else {
        snprintf(words, sizeof words, "%llu, %llu found", (unsigned long long)done,
                 (unsigned long long)findings->found);
    }
    progress_show(&printer->progress, done, total, words);
}

static void print_end(const struct printer *printer) {
    const struct findings *findings = &printer->findings;
    if (printer->json) {
        printf("%s],\"found\":%llu,\"repaired\":%llu}\n",
               findings->found > 0 ? "\n" : "{\"findings\":[", (unsigned long long)findings->found,
               (unsigned long long)findings->repaired);
        return;
    }
    if (findings->found == 0) {
        printf("nothing is wrong\n");
        return;
    }
    printf("%llu things are wrong, %llu of them repaired\n", (unsigned long long)findings->found,
           (unsigned long long)findings->repaired);
    if (!findings->repair) printf("hink check --repair puts right what can be\n");
}

static struct status take_words(struct wanted *wanted, const struct args_result *result,
                                struct note *note) {
    if (result->positional_count > 0) {
        if (wanted->where.data != NULL || wanted->where.config != NULL) {
            return note_status(note, STATUS_INVALID, "DIR, --config and --data exclude each other");
        }
        wanted->where.data = result->positional[0];
    }
    return admin_client_where(&wanted->where, note);
}

static int run(const struct wanted *wanted, const struct cli_context *context) {
    struct printer printer = {
        .findings = {.repair = wanted->repair, .line = printer_line, .step = printer_step},
        .json = wanted->json,
    };
    struct note note = {0};
    progress_begin(&printer.progress, stderr, "check");
    struct status s = context->check(&wanted->where, !wanted->no_blocks, &note, &printer.findings);
    progress_end(&printer.progress);
    if (!is_ok(s)) {
        fprintf(stderr, "hink check: %s\n", note.text[0] ? note.text : status_text(s.code));
        return status_is(s, STATUS_INVALID) ? CLI_USAGE : CLI_FAILED;
    }
    print_end(&printer);
    return printer.findings.found == printer.findings.repaired ? CLI_OK : CLI_FAILED;
}

int check_main(int argc, char **argv, const struct cli_context *context) {
    struct wanted wanted = {0};
    struct args_result result;
    struct note note = {0};
    struct status s = args_parse(&spec, argc, argv, &note, &wanted, &result);
    if (is_ok(s) && result.help) {
        args_help(&spec, stdout);
        return CLI_OK;
    }
    if (is_ok(s)) s = take_words(&wanted, &result, &note);
    if (!is_ok(s)) {
        fprintf(stderr, "hink check: %s\nTry: hink check --help\n", note.text);
        return CLI_USAGE;
    }
    return run(&wanted, context);
}
