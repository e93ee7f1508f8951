#include "cli/account.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/admin_client.h"
#include "cli/args.h"
#include "cli/suggest.h"
#include "cli/table.h"
#include "json/reader.h"
#include "json/writer.h"

enum { REQUEST_BYTES_MAX = 16 * 1024, SECRET_BYTES_MAX = 1100, PAGES_MAX = 100000 };

/* What a command line says; one struct for all verbs. */
struct wanted {
    struct cli_where where;
    bool json;
    bool admin;
    const char *domain;
    const char *id;
    const char *description;
    const char *user;
    const char *project;
    const char *user_id;
    const char *project_id;
    const char *access_key;
    const char *secret_key;
    const char *password;
    bool with_password;
    const char *name; /* the positional word */
    char secret_bytes[SECRET_BYTES_MAX];
};

#define COMMON_OPTIONS                                                                            \
    {"--config", "FILE", ARGS_TEXT, "the configuration; " ADMIN_CLIENT_DEFAULT_CONFIG " without", \
     offsetof(struct wanted, where.config)},                                                      \
        {"--data", "DIR", ARGS_TEXT, "the data directory, without a configuration",               \
         offsetof(struct wanted, where.data)},                                                    \
    {                                                                                             \
        "--json", NULL, ARGS_FLAG, "print JSON", offsetof(struct wanted, json)                    \
    }
#define DOMAIN_OPTION                                                               \
    {                                                                               \
        "--domain", "DOMAIN", ARGS_TEXT, "the domain of the name; default without", \
            offsetof(struct wanted, domain)                                         \
    }
#define NEW_OPTIONS                                                                           \
    {"--id", "ID", ARGS_TEXT, "its id; a random one without", offsetof(struct wanted, id)}, { \
        "--description", "TEXT", ARGS_TEXT, "a few words about it",                           \
            offsetof(struct wanted, description)                                              \
    }

static const struct args_option domain_options[] = {COMMON_OPTIONS};
static const struct args_option member_options[] = {DOMAIN_OPTION, COMMON_OPTIONS};
static const struct args_option new_domain_options[] = {NEW_OPTIONS, COMMON_OPTIONS};
static const struct args_option new_project_options[] = {DOMAIN_OPTION, NEW_OPTIONS,
                                                         COMMON_OPTIONS};
static const struct args_option role_options[] = {
    {"--user", "USER", ARGS_TEXT, "who may", offsetof(struct wanted, user)},
    {"--project", "PROJECT", ARGS_TEXT, "and where", offsetof(struct wanted, project)},
    DOMAIN_OPTION,
    COMMON_OPTIONS,
};
static const struct args_option list_role_options[] = {
    {"--user", "USER", ARGS_TEXT, "whose roles", offsetof(struct wanted, user)},
    DOMAIN_OPTION,
    COMMON_OPTIONS,
};
static const struct args_option new_user_options[] = {
    DOMAIN_OPTION,
    NEW_OPTIONS,
    {"--password", NULL, ARGS_FLAG, "ask for a password, or read it from standard input",
     offsetof(struct wanted, with_password)},
    {"--admin", NULL, ARGS_FLAG, "may administer every project", offsetof(struct wanted, admin)},
    COMMON_OPTIONS,
};
static const struct args_option new_key_options[] = {
    {"--user", "USER", ARGS_TEXT, "whom it is for", offsetof(struct wanted, user)},
    {"--project", "PROJECT", ARGS_TEXT, "the project it works in",
     offsetof(struct wanted, project)},
    DOMAIN_OPTION,
    {"--access-key", "KEY", ARGS_TEXT, "import this pair instead of making one",
     offsetof(struct wanted, access_key)},
    {"--secret-key", "SECRET", ARGS_TEXT, "its secret; - reads it from standard input",
     offsetof(struct wanted, secret_key)},
    {"--user-id", "ID", ARGS_TEXT, "make USER with this id if it is not there",
     offsetof(struct wanted, user_id)},
    {"--project-id", "ID", ARGS_TEXT, "make PROJECT with this id if it is not there",
     offsetof(struct wanted, project_id)},
    {"--description", "TEXT", ARGS_TEXT, "a few words about it",
     offsetof(struct wanted, description)},
    COMMON_OPTIONS,
};
static const struct args_option list_key_options[] = {
    {"--user", "USER", ARGS_TEXT, "only keys of this user", offsetof(struct wanted, user)},
    DOMAIN_OPTION,
    COMMON_OPTIONS,
};

#define OPTIONS(table) table, ARRAY_LEN(table)

/* A verb, for each noun: how it is called and what it understands. */
struct verb {
    const char *noun;
    const char *word;
    const char *usage; /* behind "hink NOUN VERB" */
    const char *about;
    const struct args_option *options;
    size_t option_count;
};

static const struct verb verbs[] = {
    {"user", "create", "NAME", "Makes a user.", OPTIONS(new_user_options)},
    {"user", "list", "", "Prints all users.", OPTIONS(member_options)},
    {"user", "show", "USER", "Prints a user.", OPTIONS(member_options)},
    {"user", "delete", "USER", "Deletes a user with its access keys.", OPTIONS(member_options)},
    {"user", "enable", "USER", "Lets the keys of a user work.", OPTIONS(member_options)},
    {"user", "disable", "USER", "Makes the keys of a user useless.", OPTIONS(member_options)},
    {"user", "password", "USER",
     "Sets a password, asked for or read from standard input, and ends the user's tokens.",
     OPTIONS(member_options)},
    {"project", "create", "NAME", "Makes a project.", OPTIONS(new_project_options)},
    {"project", "list", "", "Prints all projects.", OPTIONS(member_options)},
    {"project", "show", "PROJECT", "Prints a project.", OPTIONS(member_options)},
    {"project", "delete", "PROJECT", "Deletes a project without buckets, and its access keys.",
     OPTIONS(member_options)},
    {"project", "enable", "PROJECT", "Lets the keys of a project work.", OPTIONS(member_options)},
    {"project", "disable", "PROJECT", "Makes the keys of a project useless.",
     OPTIONS(member_options)},
    {"domain", "create", "NAME", "Makes a domain.", OPTIONS(new_domain_options)},
    {"domain", "list", "", "Prints all domains.", OPTIONS(domain_options)},
    {"domain", "show", "DOMAIN", "Prints a domain.", OPTIONS(domain_options)},
    {"domain", "delete", "DOMAIN", "Deletes an empty domain.", OPTIONS(domain_options)},
    {"domain", "enable", "DOMAIN", "Lets the keys of a domain work.", OPTIONS(domain_options)},
    {"domain", "disable", "DOMAIN", "Makes the keys of a domain useless.", OPTIONS(domain_options)},
    {"key", "create", "--user USER --project PROJECT",
     "Makes an access key, or imports one. The secret is printed this once.",
     OPTIONS(new_key_options)},
    {"key", "list", "", "Prints access keys, without their secrets.", OPTIONS(list_key_options)},
    {"key", "show", "KEY", "Prints an access key, without its secret.", OPTIONS(domain_options)},
    {"key", "delete", "KEY", "Deletes an access key.", OPTIONS(domain_options)},
    {"key", "enable", "KEY", "Lets an access key work.", OPTIONS(domain_options)},
    {"key", "disable", "KEY", "Makes an access key useless.", OPTIONS(domain_options)},
    {"role", "grant", "ROLE --user USER --project PROJECT",
     "Gives a user a role in a project: reader, member, admin, ResellerAdmin or service.",
     OPTIONS(role_options)},
    {"role", "revoke", "ROLE --user USER --project PROJECT",
     "Takes a role, and those that include it.", OPTIONS(role_options)},
    {"role", "list", "--user USER", "Prints the roles given to a user.",
     OPTIONS(list_role_options)},
};

static bool takes_name(const struct verb *verb) {
    return verb->usage[0] != 0 && verb->usage[0] != '-';
}

/* The columns of lists, and the rows of what is shown alone. */
struct column {
    const char *title;
    const char *member;
};

static const struct column entity_columns[] = {
    {"NAME", "name"},        {"ID", "id"},
    {"ENABLED", "enabled"},  {"CREATED", "created"},
    {"DOMAIN", "domain_id"}, {"DESCRIPTION", "description"},
};

static const struct column user_columns[] = {
    {"NAME", "name"},
    {"ID", "id"},
    {"ENABLED", "enabled"},
    {"ADMIN", "admin"},
    {"CREATED", "created"},
    {"DOMAIN", "domain_id"},
    {"DESCRIPTION", "description"},
};

static const struct column domain_columns[] = {
    {"NAME", "name"},
    {"ID", "id"},
    {"ENABLED", "enabled"},
    {"CREATED", "created"},
    {"DESCRIPTION", "description"},
};

static const struct column key_columns[] = {
    {"ACCESS KEY", "access_key"}, {"USER", "user"},       {"PROJECT", "project"},
    {"ENABLED", "enabled"},       {"CREATED", "created"}, {"DESCRIPTION", "description"},
};

static const struct column role_columns[] = {
    {"ROLE", "role"},
    {"USER", "user"},
    {"PROJECT", "project"},
};

static const struct column *columns_of(const char *noun, size_t *ret_count) {
    if (strcmp(noun, "role") == 0) {
        *ret_count = ARRAY_LEN(role_columns);
        return role_columns;
    }
    if (strcmp(noun, "key") == 0) {
        *ret_count = ARRAY_LEN(key_columns);
        return key_columns;
    }
    if (strcmp(noun, "user") == 0) {
        *ret_count = ARRAY_LEN(user_columns);
        return user_columns;
    }
    if (strcmp(noun, "domain") == 0) {
        *ret_count = ARRAY_LEN(domain_columns);
        return domain_columns;
    }
    *ret_count = ARRAY_LEN(entity_columns);
    return entity_columns;
}

/* One command on its way. */
struct account {
    const struct verb *verb;
    const struct cli_context *context;
    struct wanted wanted;
    struct note note;
};

static void add_member(struct json_writer *w, const char *name, const char *text) {
    if (text != NULL) json_member_str(w, name, text);
}

static void build_request(const struct account *a, struct slice after, struct buf *out) {
    const struct wanted *wanted = &a->wanted;
    char op[32];
    snprintf(op, sizeof op, "%s.%s", a->verb->noun, a->verb->word);
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_str(&w, "op", op);
    add_member(&w, "name", wanted->name);
    add_member(&w, "domain", wanted->domain);
    add_member(&w, "id", wanted->id);
    add_member(&w, "description", wanted->description);
    add_member(&w, "user", wanted->user);
    add_member(&w, "project", wanted->project);
    add_member(&w, "user_id", wanted->user_id);
    add_member(&w, "project_id", wanted->project_id);
    add_member(&w, "access_key", wanted->access_key);
    add_member(&w, "secret_key", wanted->secret_key);
    add_member(&w, "password", wanted->password);
    if (wanted->admin) json_member_bool(&w, "admin", true);
    if (after.len > 0) json_member_string(&w, "after", after);
    json_end_object(&w);
}

/* Sends one request and parses the reply. */
static struct status call(struct account *a, struct slice after, struct json **ret_reply) {
    struct buf request;
    struct buf reply;
    buf_init(&request, REQUEST_BYTES_MAX);
    buf_init(&reply, CLI_REPLY_BYTES_MAX);
    (void)buf_reserve(&request, REQUEST_BYTES_MAX / 2);
    build_request(a, after, &request);
    struct status s = buf_ok(&request);
    if (!is_ok(s)) s = note_status(&a->note, s.code, "the options are too long");
    if (is_ok(s)) {
        s = admin_client_call(a->context, &a->wanted.where, buf_slice(&request), &a->note, &reply);
    }
    if (is_ok(s)) s = admin_client_parse(buf_slice(&reply), &a->note, ret_reply);
    admin_client_wipe(&request);
    admin_client_wipe(&reply);
    return s;
}

static struct slice text_of(const struct json *value) {
    bool yes;
    struct slice text;
    if (json_bool(value, &yes)) return yes ? SLICE("yes") : SLICE("no");
    return json_string(value, &text) ? text : SLICE("");
}

/* Writes a value of the reply as JSON again: strings and booleans are all there are. */
static void write_value(struct json_writer *w, const struct json *value) {
    bool yes;
    struct slice text;
    if (json_bool(value, &yes)) {
        json_write_bool(w, yes);
    } else if (json_string(value, &text)) {
        json_write_string(w, text);
    } else {
        json_write_null(w);
    }
}

static void write_item(struct json_writer *w, const struct json *item) {
    json_begin_object(w);
    JSON_EACH(member, item) {
        json_key_slice(w, json_name(member));
        write_value(w, member);
    }
    json_end_object(w);
}

static void print_item_json(const struct json *item) {
    struct buf out;
    struct json_writer w;
    buf_init(&out, CLI_REPLY_BYTES_MAX);
    (void)buf_reserve(&out, REQUEST_BYTES_MAX);
    json_writer_init(&w, &out);
    write_item(&w, item);
    printf("%.*s\n", SLICE_FMT(buf_slice(&out)));
    if (out.ptr != NULL) explicit_bzero(out.ptr, out.len);
    buf_fini(&out);
}

static void print_item(const struct account *a, const struct json *item) {
    static const char *const titles[] = {"FIELD", "VALUE"};
    struct table table;
    table_init(&table, titles, ARRAY_LEN(titles));
    JSON_EACH(member, item) {
        table_cell(&table, json_name(member));
        table_cell(&table, text_of(member));
    }
    table_print(&table, stdout);
    table_fini(&table);
    if (json_get(item, "secret_key") != NULL && a->wanted.access_key == NULL) {
        printf("\nThe secret key is shown this once.\n");
    }
}

/* Prints the pages of a list as one JSON array; the documents are freed page by page. */
static void print_page_json(const struct json *items, bool *first) {
    JSON_EACH(item, items) {
        printf("%s\n  ", *first ? "[" : ",");
        struct buf out;
        struct json_writer w;
        buf_init(&out, CLI_REPLY_BYTES_MAX);
        json_writer_init(&w, &out);
        write_item(&w, item);
        printf("%.*s", SLICE_FMT(buf_slice(&out)));
        buf_fini(&out);
        *first = false;
    }
}

static void print_page(const struct account *a, const struct json *items, bool first) {
    const char *titles[TABLE_COLUMNS_MAX];
    size_t count;
    const struct column *columns = columns_of(a->verb->noun, &count);
    struct table table;
    for (size_t i = 0; i < count; i++) titles[i] = columns[i].title;
    if (!first && json_count(items) == 0) return;
    table_init(&table, titles, count);
    JSON_EACH(item, items) {
        for (size_t i = 0; i < count; i++)
            table_cell(&table, text_of(json_get(item, columns[i].member)));
    }
    table_print(&table, stdout);
    table_fini(&table);
}

static struct status print_list(struct account *a) {
    char after[256] = "";
    bool first = true;
    for (int page = 0; page < PAGES_MAX; page++) {
        struct json *reply;
        TRY(call(a, slice_str(after), &reply));
        const struct json *items = json_get(reply, "items");
        if (a->wanted.json) {
            print_page_json(items, &first);
        } else {
            print_page(a, items, page == 0);
        }
        struct slice next = json_get_string(reply, "next");
        snprintf(after, sizeof after, "%.*s", SLICE_FMT(next));
        json_free(&reply);
        if (after[0] == 0) break;
    }
    if (a->wanted.json) printf("%s]\n", first ? "[" : "\n");
    return status_ok();
}

/* The one object in a reply beside "ok"; NULL where there is none. */
static const struct json *item_of(const struct json *reply) {
    JSON_EACH(member, reply) {
        if (json_type(member) == JSON_OBJECT) return member;
    }
    return NULL;
}

/* What was done to it. */
static const char *past_of(const char *word) {
    if (strcmp(word, "password") == 0) return "password set";
    if (strcmp(word, "grant") == 0) return "granted";
    if (strcmp(word, "revoke") == 0) return "revoked";
    if (strcmp(word, "delete") == 0) return "deleted";
    return strcmp(word, "enable") == 0 ? "enabled" : "disabled";
}

static struct status run(struct account *a) {
    if (strcmp(a->verb->word, "list") == 0) return print_list(a);
    struct json *reply;
    TRY(call(a, SLICE(""), &reply));
    const struct json *item = item_of(reply);
    if (item != NULL && a->wanted.json) {
        print_item_json(item);
    } else if (item != NULL) {
        print_item(a, item);
    } else if (!a->wanted.json) {
        printf("%s %s: %s\n", a->verb->noun, a->wanted.name, past_of(a->verb->word));
    }
    json_free(&reply);
    return status_ok();
}

/* Reads the first line of standard input as `what`; asks for it, unseen, where somebody types. */
static struct status read_line(struct account *a, const char *what, const char **ret_text) {
    struct wanted *wanted = &a->wanted;
    struct termios seen;
    bool asked = tcgetattr(STDIN_FILENO, &seen) == 0;
    if (asked) {
        struct termios unseen = seen;
        unseen.c_lflag &= ~(tcflag_t)ECHO;
        fprintf(stderr, "%s: ", what);
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
    }
    bool got = fgets(wanted->secret_bytes, sizeof wanted->secret_bytes, stdin) != NULL;
    if (asked) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &seen);
        fputc('\n', stderr);
    }
    if (!got) return note_status(&a->note, STATUS_INVALID, "no %s on standard input", what);
    size_t len = strcspn(wanted->secret_bytes, "\r\n");
    if (wanted->secret_bytes[len] == 0 && len + 1 == sizeof wanted->secret_bytes) {
        return note_status(&a->note, STATUS_INVALID, "the %s is too long", what);
    }
    wanted->secret_bytes[len] = 0;
    *ret_text = wanted->secret_bytes;
    return status_ok();
}

static struct status read_secret(struct account *a) {
    struct wanted *wanted = &a->wanted;
    bool sets = strcmp(a->verb->word, "password") == 0;
    if (wanted->with_password || sets) return read_line(a, "password", &wanted->password);
    if (wanted->secret_key == NULL || strcmp(wanted->secret_key, "-") != 0) return status_ok();
    return read_line(a, "secret key", &wanted->secret_key);
}

/* What the options of a noun demand of each other. */
static struct status check_together(struct account *a) {
    const struct wanted *wanted = &a->wanted;
    const struct verb *verb = a->verb;
    bool lists = strcmp(verb->word, "list") == 0;
    bool is_role = strcmp(verb->noun, "role") == 0;
    bool makes_key = strcmp(verb->noun, "key") == 0 && strcmp(verb->word, "create") == 0;
    if (is_role && lists && wanted->user == NULL) {
        return note_status(&a->note, STATUS_INVALID, "--user is needed");
    }
    bool needs_both = makes_key || (is_role && !lists);
    if (needs_both && (wanted->user == NULL || wanted->project == NULL)) {
        return note_status(&a->note, STATUS_INVALID, "--user and --project are needed");
    }
    if (makes_key && (wanted->access_key == NULL) != (wanted->secret_key == NULL)) {
        return note_status(&a->note, STATUS_INVALID,
                           "--access-key and --secret-key are given together");
    }
    return status_ok();
}

static struct status check_wanted(struct account *a, const struct args_result *result) {
    struct wanted *wanted = &a->wanted;
    if (takes_name(a->verb) && result->positional_count == 0) {
        return note_status(&a->note, STATUS_INVALID, "which %s?", a->verb->usage);
    }
    wanted->name = result->positional_count > 0 ? result->positional[0] : NULL;
    TRY(check_together(a));
    TRY(admin_client_where(&wanted->where, &a->note));
    return read_secret(a);
}

static int run_verb(const struct verb *verb, int argc, char **argv,
                    const struct cli_context *context) {
    char usage[128];
    snprintf(usage, sizeof usage, "hink %s %s %s%s[OPTIONS]", verb->noun, verb->word, verb->usage,
             verb->usage[0] ? " " : "");
    struct args_spec spec = {.usage = usage,
                             .about = verb->about,
                             .options = verb->options,
                             .option_count = verb->option_count,
                             .positional_max = takes_name(verb) ? 1 : 0};
    struct account a = {.verb = verb, .context = context};
    struct args_result result;
    struct status s = args_parse(&spec, argc, argv, &a.note, &a.wanted, &result);
    if (is_ok(s) && result.help) {
        args_help(&spec, stdout);
        return CLI_OK;
    }
    if (is_ok(s)) s = check_wanted(&a, &result);
    if (!is_ok(s)) {
        fprintf(stderr, "hink %s %s: %s\n", verb->noun, verb->word, a.note.text);
        fprintf(stderr, "Try: hink %s %s --help\n", verb->noun, verb->word);
        return CLI_USAGE;
    }
    s = run(&a);
    explicit_bzero(a.wanted.secret_bytes, sizeof a.wanted.secret_bytes);
    if (is_ok(s)) return CLI_OK;
    fprintf(stderr, "hink %s %s: %s\n", verb->noun, verb->word,
            a.note.text[0] ? a.note.text : status_text(s.code));
    /* What the server refuses is REFUSED; INVALID is the configuration. */
    return status_is(s, STATUS_INVALID) ? CLI_USAGE : CLI_FAILED;
}

static void print_noun_help(const char *noun, FILE *out) {
    fprintf(out, "Usage: hink %s VERB …\n\n", noun);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].noun, noun) != 0) continue;
        fprintf(out, "  %-9s%-32s%s\n", verbs[i].word, verbs[i].usage, verbs[i].about);
    }
    fprintf(out, "\n`hink %s VERB --help` has the options.\n", noun);
}

int account_main(const char *noun, int argc, char **argv, const struct cli_context *context) {
    if (argc == 0 || argv[0][0] == '-') {
        bool asked = argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0);
        print_noun_help(noun, asked ? stdout : stderr);
        return asked ? CLI_OK : CLI_USAGE;
    }
    const char *words[ARRAY_LEN(verbs)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].noun, noun) != 0) continue;
        if (strcmp(verbs[i].word, argv[0]) == 0) {
            return run_verb(&verbs[i], argc - 1, argv + 1, context);
        }
        words[count++] = verbs[i].word;
    }
    const char *near = suggest(slice_str(argv[0]), words, count);
    fprintf(stderr, "hink %s: unknown verb '%.80s'%s%s%s\n", noun, argv[0],
            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return CLI_USAGE;
}
