#include "cli/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/admin_client.h"
#include "cli/args.h"
#include "cli/progress.h"
#include "cli/suggest.h"
#include "cli/table.h"
#include "json/reader.h"
#include "json/writer.h"

#define DEFAULT_CONFIG "/etc/hink/hink.conf"

enum {
    REQUEST_BYTES_MAX = 16 * 1024,
    DEADLINE_S = 3600, /* counting what lies on a drive reads every record */
    WORDS_MAX = 160,
    SIZE_TEXT_MAX = 24,
    WAIT_STILL_MAX = 120, /* looks without any progress, before waiting is given up */
};

/* What a command line says. */
struct wanted {
    struct cli_where where;
    bool json;
    bool wait;
    bool stop;
    bool lose_data;
    const char *media;
    const char *name; /* the first word that is no option */
    const char *path;
};

#define COMMON_OPTIONS                                                               \
    {"--config", "FILE", ARGS_TEXT, "the configuration; " DEFAULT_CONFIG " without", \
     offsetof(struct wanted, where.config)},                                         \
        {"--data", "DIR", ARGS_TEXT, "the data directory, without a configuration",  \
         offsetof(struct wanted, where.data)},                                       \
    {                                                                                \
        "--json", NULL, ARGS_FLAG, "print JSON", offsetof(struct wanted, json)       \
    }
#define WAIT_OPTION                                                                    \
    {                                                                                  \
        "--wait", NULL, ARGS_FLAG, "wait until it is through, and show how far it is", \
            offsetof(struct wanted, wait)                                              \
    }

static const struct args_option common_options[] = {COMMON_OPTIONS};
static const struct args_option wait_options[] = {WAIT_OPTION, COMMON_OPTIONS};
static const struct args_option add_options[] = {
    {"--media", "MEDIA", ARGS_TEXT, "hdd or ssd; that of the other drives without",
     offsetof(struct wanted, media)},
    COMMON_OPTIONS,
};
static const struct args_option drain_options[] = {
    WAIT_OPTION,
    {"--stop", NULL, ARGS_FLAG, "don't empty it any more: it is in service again",
     offsetof(struct wanted, stop)},
    COMMON_OPTIONS,
};
static const struct args_option remove_options[] = {
    {"--lose-data", NULL, ARGS_FLAG,
     "remove it even if objects can be read only with it: THEY ARE LOST FOR GOOD",
     offsetof(struct wanted, lose_data)},
    COMMON_OPTIONS,
};

/* One command on its way. */
struct run {
    const struct verb *verb;
    const struct cli_context *context;
    struct wanted wanted;
    struct note note;
};

struct verb {
    const char *noun;
    const char *word; /* empty: the noun is all there is */
    const char *usage;
    const char *about;
    size_t words; /* that are needed */
    const struct args_option *options;
    size_t option_count;
    struct status (*done)(struct run *run, const struct json *reply);
};

/* ---- asking ---- */

static void build_request(const struct run *run, const char *op, struct buf *out) {
    const struct wanted *wanted = &run->wanted;
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_str(&w, "op", op);
    if (wanted->name) json_member_str(&w, "name", wanted->name);
    if (wanted->path) json_member_str(&w, "path", wanted->path);
    if (wanted->media) json_member_str(&w, "media", wanted->media);
    if (wanted->stop) json_member_bool(&w, "stop", true);
    if (wanted->lose_data) json_member_bool(&w, "lose_data", true);
    json_end_object(&w);
}

static struct status judge(struct run *run, const struct json *reply) {
    bool ok = false;
    if (json_bool(json_get(reply, "ok"), &ok) && ok) return status_ok();
    struct slice message = json_get_string(reply, "message");
    if (message.len == 0) message = SLICE("the server refused and did not say why");
    return note_status(&run->note, STATUS_REFUSED, "%.*s", SLICE_FMT(slice_take(message, 400)));
}

/* Sends a request and parses the reply. Owns: the caller, json_free. */
static struct status ask(struct run *run, const char *op, struct json **ret_reply) {
    struct buf request;
    struct buf reply;
    struct json *document = NULL;
    buf_init(&request, REQUEST_BYTES_MAX);
    buf_init(&reply, CLI_REPLY_BYTES_MAX);
    build_request(run, op, &request);
    struct status s = buf_ok(&request);
    if (!is_ok(s)) s = note_status(&run->note, s.code, "the options are too long");
    if (is_ok(s)) {
        s = admin_client_call_within(run->context, &run->wanted.where, buf_slice(&request),
                                     DEADLINE_S, &run->note, &reply);
    }
    if (is_ok(s) && !is_ok(json_parse(buf_slice(&reply), NULL, &document))) {
        s = note_status(&run->note, STATUS_CORRUPT, "the server's reply makes no sense");
    }
    if (is_ok(s)) s = judge(run, document);
    if (is_ok(s) && run->wanted.json && !run->wanted.wait) {
        printf("%.*s\n", SLICE_FMT(buf_slice(&reply)));
    }
    buf_fini(&request);
    buf_fini(&reply);
    if (is_ok(s)) {
        *ret_reply = document;
    } else {
        json_free(&document);
    }
    return s;
}

static uint64_t number_of(const struct json *object, const char *name) {
    uint64_t value = 0;
    return json_u64(json_get(object, name), &value) ? value : 0;
}

static bool flag_of(const struct json *object, const char *name) {
    bool yes = false;
    return json_bool(json_get(object, name), &yes) && yes;
}

static char *bytes_of(const struct json *object, const char *name, char out[SIZE_TEXT_MAX]) {
    return progress_bytes(number_of(object, name), out, SIZE_TEXT_MAX);
}

/* ---- drives ---- */

enum { DRIVE_COLUMNS = 10 };

struct drive_row {
    char cells[DRIVE_COLUMNS][SIZE_TEXT_MAX];
};

static void row_fill(struct drive_row *row, const struct json *drive) {
    snprintf(row->cells[0], SIZE_TEXT_MAX, "%llu", (unsigned long long)number_of(drive, "number"));
    bytes_of(drive, "size_bytes", row->cells[1]);
    bytes_of(drive, "used_bytes", row->cells[2]);
    bytes_of(drive, "free_bytes", row->cells[3]);
    snprintf(row->cells[4], SIZE_TEXT_MAX, "%llu", (unsigned long long)number_of(drive, "pieces"));
    snprintf(row->cells[5], SIZE_TEXT_MAX, "%llu",
             (unsigned long long)number_of(drive, "pieces_short"));
    snprintf(row->cells[6], SIZE_TEXT_MAX, "%llu", (unsigned long long)number_of(drive, "errors"));
}

static void print_drives(const struct json *items) {
    enum { ROWS_MAX = 255 };
    static const char *const titles[] = {"DRIVE", "STATE",  "MEDIA", "SIZE",   "USED",
                                         "FREE",  "PIECES", "SHORT", "ERRORS", "PATH"};
    static struct drive_row rows[ROWS_MAX];
    struct table table;
    size_t count = 0;
    table_init(&table, titles, ARRAY_LEN(titles));
    JSON_EACH(drive, items) {
        struct drive_row *row = &rows[count < ROWS_MAX ? count++ : 0];
        row_fill(row, drive);
        table_cell(&table, slice_str(row->cells[0]));
        table_cell(&table, json_get_string(drive, "state"));
        table_cell(&table, json_get_string(drive, "media"));
        for (size_t i = 1; i < 7; i++) table_cell(&table, slice_str(row->cells[i]));
        table_cell(&table, json_get_string(drive, "path"));
    }
    table_print(&table, stdout);
    table_fini(&table);
    JSON_EACH(drive, items) {
        struct slice detail = json_get_string(drive, "detail");
        if (detail.len > 0) printf("%.*s\n", SLICE_FMT(detail));
    }
}

static struct status done_list(struct run *run, const struct json *reply) {
    (void)run;
    print_drives(json_get(reply, "items"));
    return status_ok();
}

/* The drive of that number in a reply to drive.list; NULL if it is gone. */
static const struct json *drive_in(const struct json *reply, uint64_t number) {
    JSON_EACH(drive, json_get(reply, "items")) {
        if (number_of(drive, "number") == number) return drive;
    }
    return NULL;
}

/* How many pieces are still to be moved off the drive, or off those that it takes over from. */
static uint64_t pieces_left(const struct json *reply, uint64_t number) {
    const struct json *own = drive_in(reply, number);
    uint64_t left = own && flag_of(own, "draining") ? number_of(own, "pieces") : 0;
    JSON_EACH(drive, json_get(reply, "items")) {
        if (number_of(drive, "successor") == number) left += number_of(drive, "pieces");
    }
    return left;
}

static bool is_draining_or_filled(const struct json *reply, uint64_t number) {
    const struct json *own = drive_in(reply, number);
    if (own && flag_of(own, "draining")) return true;
    JSON_EACH(drive, json_get(reply, "items")) {
        if (number_of(drive, "successor") == number) return true;
    }
    return false;
}

static void second_sleep(void) {
    struct timespec pause = {.tv_sec = 1};
    nanosleep(&pause, NULL);
}

/* Waits until nothing is left to be moved; gives up when nothing has moved for long. */
static struct status moves_wait(struct run *run, uint64_t number) {
    struct progress progress;
    uint64_t total = 0;
    uint64_t before = UINT64_MAX;
    unsigned still = 0;
    struct status s = status_ok();
    progress_begin(&progress, stderr, "moving");
    for (;;) {
        struct json *reply;
        char words[WORDS_MAX];
        s = ask(run, "drive.list", &reply);
        if (!is_ok(s)) break;
        uint64_t left = pieces_left(reply, number);
        bool over = left == 0 || !is_draining_or_filled(reply, number);
        json_free(&reply);
        if (left > total) total = left;
        still = left < before ? 0 : still + 1;
        before = left;
        snprintf(words, sizeof words, "%llu pieces left", (unsigned long long)left);
        progress_show(&progress, total - left, total, words);
        if (over) break;
        if (still >= WAIT_STILL_MAX) {
            s = note_status(&run->note, STATUS_TIMEOUT,
                            "nothing moves any more, %llu pieces are left: is there room on other "
                            "drives? hink status says more",
                            (unsigned long long)left);
            break;
        }
        second_sleep();
    }
    progress_end(&progress);
    return s;
}

/* Waits for the drive in a reply, if that is wanted and somebody works for it. */
static struct status drive_wait(struct run *run, const struct json *reply) {
    uint64_t number = number_of(json_get(reply, "drive"), "number");
    if (!flag_of(reply, "server")) {
        printf("no server runs: it begins when one does\n");
        return status_ok();
    }
    if (!run->wanted.wait) return status_ok();
    TRY(moves_wait(run, number));
    printf("done\n");
    return status_ok();
}

static void print_drive_line(const struct json *reply) {
    const struct json *drive = json_get(reply, "drive");
    printf("drive %llu (%.*s): %.*s\n", (unsigned long long)number_of(drive, "number"),
           SLICE_FMT(json_get_string(drive, "path")), SLICE_FMT(json_get_string(drive, "state")));
}

static struct status done_add(struct run *run, const struct json *reply) {
    (void)run;
    print_drive_line(reply);
    printf("The store remembers it: it need not be in the configuration.\n");
    return status_ok();
}

static struct status done_drain(struct run *run, const struct json *reply) {
    print_drive_line(reply);
    return run->wanted.stop ? status_ok() : drive_wait(run, reply);
}

static struct status done_replace(struct run *run, const struct json *reply) {
    print_drive_line(reply);
    return drive_wait(run, reply);
}

static struct status done_remove(struct run *run, const struct json *reply) {
    (void)reply;
    printf("removed: drive %s; take it out of the configuration too, if it is there\n",
           run->wanted.name);
    return status_ok();
}

/* ---- scrub ---- */

static void scrub_words(const struct json *scrub, char words[WORDS_MAX]) {
    char done[SIZE_TEXT_MAX];
    char total[SIZE_TEXT_MAX];
    snprintf(words, WORDS_MAX, "%llu objects, %s of %s, %llu blocks repaired, %llu objects damaged",
             (unsigned long long)number_of(scrub, "blobs"), bytes_of(scrub, "bytes", done),
             bytes_of(scrub, "bytes_total", total),
             (unsigned long long)number_of(scrub, "repaired"),
             (unsigned long long)number_of(scrub, "failed"));
}

static void print_date_line(const struct json *object, const char *name) {
    struct slice text = json_get_string(object, name);
    if (text.len > 0) printf("  %-10s%.*s\n", name, SLICE_FMT(text));
}

static struct status done_scrub(struct run *run, const struct json *reply) {
    const struct json *scrub = json_get(reply, "scrub");
    char words[WORDS_MAX];
    (void)run;
    scrub_words(scrub, words);
    printf("scrub: %.*s\n  %s\n", SLICE_FMT(json_get_string(scrub, "state")), words);
    print_date_line(scrub, "started");
    print_date_line(scrub, "ended");
    return status_ok();
}

/* Waits until the scrub that was just started has ended. */
static struct status scrub_wait(struct run *run) {
    struct progress progress;
    struct status s = status_ok();
    bool seen = false;
    progress_begin(&progress, stderr, "scrub");
    for (unsigned looks = 0;; looks++) {
        struct json *reply;
        char words[WORDS_MAX];
        s = ask(run, "scrub.status", &reply);
        if (!is_ok(s)) break;
        const struct json *scrub = json_get(reply, "scrub");
        bool running = flag_of(scrub, "running");
        seen = seen || running;
        scrub_words(scrub, words);
        if (running) {
            progress_show(&progress, number_of(scrub, "bytes"), number_of(scrub, "bytes_total"),
                          words);
        }
        json_free(&reply);
        if (!running && (seen || looks > 2)) break;
        second_sleep();
    }
    progress_end(&progress);
    return s;
}

static struct status done_scrub_start(struct run *run, const struct json *reply) {
    if (!run->wanted.wait) {
        (void)reply;
        printf("scrub: started; hink scrub status says how far it is\n");
        return status_ok();
    }
    struct json *last;
    TRY(scrub_wait(run));
    TRY(ask(run, "scrub.status", &last));
    struct status s = done_scrub(run, last);
    json_free(&last);
    return s;
}

/* ---- status ---- */

static void print_health(const struct json *reply) {
    struct slice health = json_get_string(reply, "health");
    char free_text[SIZE_TEXT_MAX];
    char size[SIZE_TEXT_MAX];
    printf("store: %s%s%.*s\n", flag_of(reply, "healthy") ? "takes writes" : "TAKES NO WRITES",
           health.len > 0 ? "; " : "", SLICE_FMT(health));
    printf("space: %s free of %s\n", bytes_of(reply, "free_bytes", free_text),
           bytes_of(reply, "size_bytes", size));
    printf("pieces: %llu, of which %llu are to be made again elsewhere\n",
           (unsigned long long)number_of(reply, "pieces"),
           (unsigned long long)number_of(reply, "pieces_short"));
    printf("damage: %llu wrong blocks found, %llu made again while a reader waited\n",
           (unsigned long long)number_of(reply, "corrupt_blocks"),
           (unsigned long long)number_of(reply, "blocks_repaired"));
}

/* A line for each copy, where there is more than one. */
static void print_copies(const struct json *copies) {
    if (json_count(copies) < 2) return;
    for (const struct json *copy = json_first(copies); copy; copy = json_next(copy)) {
        struct slice state = json_get_string(copy, "state");
        struct slice line = json_get_string(copy, "line");
        char filled[SIZE_TEXT_MAX];
        char whole[SIZE_TEXT_MAX];
        printf("  copy %.*s: %.*s", SLICE_FMT(json_get_string(copy, "name")), SLICE_FMT(state));
        if (slice_eq(state, SLICE("filling"))) {
            printf(", %s of %s", bytes_of(copy, "filled_bytes", filled),
                   bytes_of(copy, "fill_bytes", whole));
        } else if (line.len > 0) {
            printf("; %.*s", SLICE_FMT(line));
        }
        printf("\n");
    }
}

static void print_metadata(const struct json *meta) {
    char log_used[SIZE_TEXT_MAX];
    char log_file[SIZE_TEXT_MAX];
    char live[SIZE_TEXT_MAX];
    char index[SIZE_TEXT_MAX];
    char cache[SIZE_TEXT_MAX];
    printf("metadata: %llu records; log %s of %s; index %s of %s; cache %s\n",
           (unsigned long long)number_of(meta, "records"),
           bytes_of(meta, "log_used_bytes", log_used), bytes_of(meta, "log_file_bytes", log_file),
           bytes_of(meta, "index_live_bytes", live), bytes_of(meta, "index_file_bytes", index),
           bytes_of(meta, "cache_bytes", cache));
    printf("  %llu checkpoints, the last in %llu ms; %llu commits waited, %llu were refused\n",
           (unsigned long long)number_of(meta, "checkpoints"),
           (unsigned long long)number_of(meta, "checkpoint_ms"),
           (unsigned long long)number_of(meta, "slowed"),
           (unsigned long long)number_of(meta, "refused"));
    print_copies(json_get(meta, "copies"));
}

static struct status done_status(struct run *run, const struct json *reply) {
    const struct json *repair = json_get(reply, "repair");
    if (!flag_of(reply, "server")) printf("no server runs\n");
    print_health(reply);
    printf("repair: %s; %llu pieces made again, %llu objects can't be made whole now\n",
           flag_of(repair, "running") ? "looking" : "waiting",
           (unsigned long long)number_of(repair, "repaired"),
           (unsigned long long)number_of(reply, "objects_lacking"));
    TRY(done_scrub(run, reply));
    print_metadata(json_get(reply, "metadata"));
    printf("\n");
    print_drives(json_get(reply, "items"));
    return status_ok();
}

/* ---- verbs ---- */

#define OPTIONS(table) table, ARRAY_LEN(table)

static const struct verb verbs[] = {
    {"drive", "list", "", "Prints all drives: what they do, and what lies on them.", 0,
     OPTIONS(common_options), done_list},
    {"drive", "add", "PATH",
     "Brings a directory into service, a new one or one of this store that is back.", 1,
     OPTIONS(add_options), done_add},
    {"drive", "drain", "DRIVE", "Moves everything off a drive, which serves meanwhile.", 1,
     OPTIONS(drain_options), done_drain},
    {"drive", "replace", "DRIVE PATH",
     "Lets a new directory take over what a drive has, or had; then the drive is removed.", 2,
     OPTIONS(wait_options), done_replace},
    {"drive", "remove", "DRIVE", "Forgets a drive, unless something can be read only with it.", 1,
     OPTIONS(remove_options), done_remove},
    {"scrub", "start", "", "Reads everything and repairs it; goes on if it was stopped.", 0,
     OPTIONS(wait_options), done_scrub_start},
    {"scrub", "status", "", "Prints how far it is.", 0, OPTIONS(common_options), done_scrub},
    {"scrub", "stop", "", "Stops it; hink scrub start goes on from there.", 0,
     OPTIONS(common_options), done_scrub},
    {"status", "", "", "Prints how the store is: health, space, repair, scrub, metadata, drives.",
     0, OPTIONS(common_options), done_status},
};

/* The first word is a drive's name, or, of `add`, the path. */
static struct status take_words(struct run *run, const struct args_result *result) {
    struct wanted *wanted = &run->wanted;
    if (result->positional_count < run->verb->words) {
        return note_status(&run->note, STATUS_INVALID, "which %s?", run->verb->usage);
    }
    const char *first = run->verb->words > 0 ? result->positional[0] : NULL;
    bool adds = strcmp(run->verb->word, "add") == 0;
    wanted->name = adds ? NULL : first;
    wanted->path = adds ? first : run->verb->words > 1 ? result->positional[1] : NULL;
    if (wanted->where.config != NULL && wanted->where.data != NULL) {
        return note_status(&run->note, STATUS_INVALID, "--config and --data exclude each other");
    }
    if (wanted->where.config == NULL && wanted->where.data == NULL) {
        if (access(DEFAULT_CONFIG, R_OK) != 0) {
            return note_status(&run->note, STATUS_INVALID, "--config FILE or --data DIR is needed");
        }
        wanted->where.config = DEFAULT_CONFIG;
    }
    return status_ok();
}

static struct status execute(struct run *run) {
    char op[32];
    struct json *reply;
    bool single = run->verb->word[0] == 0;
    snprintf(op, sizeof op, "%s.%s", single ? "store" : run->verb->noun,
             single ? "status" : run->verb->word);
    TRY(ask(run, op, &reply));
    struct status s = status_ok();
    if (!run->wanted.json || run->wanted.wait) s = run->verb->done(run, reply);
    json_free(&reply);
    return s;
}

static int run_verb(const struct verb *verb, int argc, char **argv,
                    const struct cli_context *context) {
    char usage[128];
    char name[32];
    snprintf(name, sizeof name, "%s%s%s", verb->noun, verb->word[0] ? " " : "", verb->word);
    snprintf(usage, sizeof usage, "hink %s %s%s[OPTIONS]", name, verb->usage,
             verb->usage[0] ? " " : "");
    struct args_spec spec = {.usage = usage,
                             .about = verb->about,
                             .options = verb->options,
                             .option_count = verb->option_count,
                             .positional_max = verb->words};
    struct run run = {.verb = verb, .context = context};
    struct args_result result;
    struct status s = args_parse(&spec, argc, argv, &run.note, &run.wanted, &result);
    if (is_ok(s) && result.help) {
        args_help(&spec, stdout);
        return CLI_OK;
    }
    if (is_ok(s)) s = take_words(&run, &result);
    if (!is_ok(s)) {
        fprintf(stderr, "hink %s: %s\nTry: hink %s --help\n", name, run.note.text, name);
        return CLI_USAGE;
    }
    s = execute(&run);
    if (is_ok(s)) return CLI_OK;
    fprintf(stderr, "hink %s: %s\n", name, run.note.text[0] ? run.note.text : status_text(s.code));
    return status_is(s, STATUS_INVALID) ? CLI_USAGE : CLI_FAILED;
}

static void print_noun_help(const char *noun, FILE *out) {
    fprintf(out, "Usage: hink %s VERB …\n\n", noun);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].noun, noun) != 0) continue;
        fprintf(out, "  %-9s%-12s%s\n", verbs[i].word, verbs[i].usage, verbs[i].about);
    }
    fprintf(out, "\n`hink %s VERB --help` has the options.\n", noun);
}

int store_main(const char *noun, int argc, char **argv, const struct cli_context *context) {
    const char *words[ARRAY_LEN(verbs)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].noun, noun) != 0) continue;
        if (verbs[i].word[0] == 0) return run_verb(&verbs[i], argc, argv, context);
        if (argc > 0 && strcmp(verbs[i].word, argv[0]) == 0) {
            return run_verb(&verbs[i], argc - 1, argv + 1, context);
        }
        words[count++] = verbs[i].word;
    }
    if (argc == 0 || argv[0][0] == '-') {
        bool asked = argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0);
        print_noun_help(noun, asked ? stdout : stderr);
        return asked ? CLI_OK : CLI_USAGE;
    }
    const char *near = suggest(slice_str(argv[0]), words, count);
    fprintf(stderr, "hink %s: unknown verb '%.80s'%s%s%s\n", noun, argv[0],
            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return CLI_USAGE;
}
