#include "cli/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/admin_client.h"
#include "cli/args.h"
#include "json/reader.h"
#include "json/writer.h"

enum { REQUEST_BYTES_MAX = 60 * 1024, POLICY_FILE_MAX = 32 * 1024 };

/* What a command line says. */
struct wanted {
    struct cli_where where;
    const char *user;
    const char *project;
    const char *access_key;
    const char *version;
    const char *source_ip;
    const char *region;
    const char *policy;
    const char *owner;
    bool tls;
    bool json;
};

static const struct args_option options[] = {
    {"--access-key", "KEY", ARGS_TEXT, "who asks: whoever this access key is of",
     offsetof(struct wanted, access_key)},
    {"--user", "USER", ARGS_TEXT, "who asks: this user", offsetof(struct wanted, user)},
    {"--project", "PROJECT", ARGS_TEXT, "in this project; without, the request is anonymous",
     offsetof(struct wanted, project)},
    {"--version-id", "ID", ARGS_TEXT, "the version of the object that is asked for",
     offsetof(struct wanted, version)},
    {"--source-ip", "ADDRESS", ARGS_TEXT, "where the request comes from",
     offsetof(struct wanted, source_ip)},
    {"--tls", NULL, ARGS_FLAG, "it comes over TLS", offsetof(struct wanted, tls)},
    {"--region", "REGION", ARGS_TEXT, "the bucket's; the first of the zone without",
     offsetof(struct wanted, region)},
    {"--policy", "FILE", ARGS_TEXT, "judge by this bucket policy instead of the bucket's",
     offsetof(struct wanted, policy)},
    {"--owner", "PROJECT", ARGS_TEXT, "with --policy and no store: whose the bucket is",
     offsetof(struct wanted, owner)},
    {"--config", "FILE", ARGS_TEXT, "the configuration; " ADMIN_CLIENT_DEFAULT_CONFIG " without",
     offsetof(struct wanted, where.config)},
    {"--data", "DIR", ARGS_TEXT, "the data directory, without a configuration",
     offsetof(struct wanted, where.data)},
    {"--json", NULL, ARGS_FLAG, "print JSON", offsetof(struct wanted, json)},
};

static const struct args_spec spec = {
    .usage = "hink policy explain ACTION BUCKET[/KEY] [CONDITION=VALUE …] [OPTIONS]",
    .about =
        "Says whether a request would be allowed, and which statement of the bucket policy, grant\n"
        "of an access control list or public access block decides. ACTION is as in policies,\n"
        "s3:GetObject. Condition keys that the request would have are given as they are named:\n"
        "s3:x-amz-acl=public-read aws:UserAgent=curl. With --policy FILE and neither --config nor\n"
        "--data that document alone is asked; users and projects are ids then.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .positional_max = ARGS_POSITIONAL_MAX,
};

/* ---- the request ---------------------------------------------------------------------------- */

static void add_member(struct json_writer *w, const char *name, const char *text) {
    if (text != NULL) json_member_str(w, name, text);
}

static void add_resource(struct json_writer *w, const char *word) {
    struct slice text = slice_str(word);
    struct slice bucket;
    struct slice key;
    struct slice arn = SLICE("arn:aws:s3:::");
    if (slice_starts_with(text, arn)) text = slice_skip(text, arn.len);
    slice_cut(text, '/', &bucket, &key);
    json_member_string(w, "bucket", bucket);
    if (key.len > 0) json_member_string(w, "key", key);
}

/* Each key once, with all its values: JSON has no member twice. */
static void add_facts(struct json_writer *w, const char *const *words, size_t count) {
    json_key(w, "facts");
    json_begin_object(w);
    for (size_t i = 0; i < count; i++) {
        struct slice name, value, other, rest;
        bool is_told = false;
        slice_cut(slice_str(words[i]), '=', &name, &value);
        for (size_t j = 0; j < i && !is_told; j++) {
            slice_cut(slice_str(words[j]), '=', &other, &rest);
            is_told = slice_eq_nocase(name, other);
        }
        if (is_told) continue;
        json_key_slice(w, name);
        json_begin_array(w);
        for (size_t j = i; j < count; j++) {
            slice_cut(slice_str(words[j]), '=', &other, &value);
            if (slice_eq_nocase(name, other)) json_write_string(w, value);
        }
        json_end_array(w);
    }
    json_end_object(w);
}

static struct status add_policy(struct json_writer *w, const char *path, struct note *note) {
    char text[POLICY_FILE_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return note_status(note, STATUS_NOT_FOUND, "%s: %s", path, strerrordesc_np(errno));
    size_t len = fread(text, 1, sizeof text, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) return note_status(note, STATUS_IO, "%s: it cannot be read", path);
    /* What is cut off here is larger than any policy, and refused as such. */
    json_member_string(w, "policy", slice_of(text, len));
    return status_ok();
}

static struct status build_request(const struct wanted *wanted, const struct args_result *words,
                                   struct note *note, struct buf *out) {
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_str(&w, "op", "policy.explain");
    json_member_str(&w, "action", words->positional[0]);
    add_resource(&w, words->positional[1]);
    add_facts(&w, words->positional + 2, words->positional_count - 2);
    add_member(&w, "user", wanted->user);
    add_member(&w, "project", wanted->project);
    add_member(&w, "access_key", wanted->access_key);
    add_member(&w, "version_id", wanted->version);
    add_member(&w, "source_ip", wanted->source_ip);
    add_member(&w, "region", wanted->region);
    add_member(&w, "owner", wanted->owner);
    if (wanted->tls) json_member_bool(&w, "tls", true);
    if (wanted->policy != NULL) TRY(add_policy(&w, wanted->policy, note));
    json_end_object(&w);
    if (is_ok(buf_ok(out))) return status_ok();
    return note_status(note, STATUS_TOO_LARGE, "the question is too long");
}

/* ---- the answer ----------------------------------------------------------------------------- */

/* The words of a member, be it text or a number. */
static void print_member(const struct json *explanation, const char *name, const char *title) {
    const struct json *value = json_get(explanation, name);
    struct slice text;
    uint64_t number;
    if (json_string(value, &text)) {
        printf("%-10s%.*s\n", title, SLICE_FMT(text));
    } else if (json_u64(value, &number)) {
        printf("%-10s%llu\n", title, (unsigned long long)number);
    }
}

static void print_explanation(const struct json *explanation) {
    printf("%.*s: %.*s\n", SLICE_FMT(json_get_string(explanation, "decision")),
           SLICE_FMT(json_get_string(explanation, "reason")));
    print_member(explanation, "statement", "statement");
    print_member(explanation, "sid", "sid");
    print_member(explanation, "grant", "grant");
    print_member(explanation, "action", "action");
    print_member(explanation, "resource", "resource");
    print_member(explanation, "bucket_owner", "owner");
    print_member(explanation, "principal", "principal");
    print_member(explanation, "project_id", "project");
    print_member(explanation, "user_id", "user");
}

static void print_json(const struct json *explanation) {
    struct buf out;
    struct json_writer w;
    buf_init(&out, CLI_REPLY_BYTES_MAX);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    JSON_EACH(member, explanation) {
        struct slice text;
        uint64_t number = 0;
        json_key_slice(&w, json_name(member));
        if (json_string(member, &text)) {
            json_write_string(&w, text);
        } else if (json_u64(member, &number)) {
            json_write_u64(&w, number);
        } else {
            json_write_null(&w);
        }
    }
    json_end_object(&w);
    printf("%.*s\n", SLICE_FMT(buf_slice(&out)));
    buf_fini(&out);
}

/* ---- the command ---------------------------------------------------------------------------- */

static bool is_alone(const struct wanted *wanted) {
    return wanted->policy != NULL && wanted->where.config == NULL && wanted->where.data == NULL;
}

static struct status check(struct wanted *wanted, const struct args_result *words,
                           struct note *note) {
    if (words->positional_count < 2) {
        return note_status(note, STATUS_INVALID, "which ACTION on which BUCKET[/KEY]?");
    }
    for (size_t i = 2; i < words->positional_count; i++) {
        if (strchr(words->positional[i], '=') != NULL) continue;
        return note_status(note, STATUS_INVALID, "'%.80s' is no CONDITION=VALUE",
                           words->positional[i]);
    }
    if (wanted->access_key != NULL && (wanted->user != NULL || wanted->project != NULL)) {
        return note_status(note, STATUS_INVALID, "--access-key says user and project already");
    }
    if (wanted->owner != NULL && !is_alone(wanted)) {
        return note_status(note, STATUS_INVALID, "--owner goes with --policy and without a store");
    }
    return is_alone(wanted) ? status_ok() : admin_client_where(&wanted->where, note);
}

static struct status ask(const struct wanted *wanted, const struct args_result *words,
                         const struct cli_context *context, struct note *note,
                         struct json **ret_reply) {
    struct buf request;
    struct buf reply;
    buf_init(&request, REQUEST_BYTES_MAX);
    buf_init(&reply, CLI_REPLY_BYTES_MAX);
    struct status s = build_request(wanted, words, note, &request);
    if (is_ok(s) && is_alone(wanted)) {
        context->explain_document(buf_slice(&request), &reply);
    } else if (is_ok(s)) {
        s = admin_client_call(context, &wanted->where, buf_slice(&request), note, &reply);
    }
    if (is_ok(s)) s = admin_client_parse(buf_slice(&reply), note, ret_reply);
    buf_fini(&request);
    buf_fini(&reply);
    return s;
}

static int explain(int argc, char **argv, const struct cli_context *context) {
    struct wanted wanted = {0};
    struct args_result words;
    struct note note = {0};
    struct json *reply;
    struct status s = args_parse(&spec, argc, argv, &note, &wanted, &words);
    if (is_ok(s) && words.help) {
        args_help(&spec, stdout);
        return CLI_OK;
    }
    if (is_ok(s)) s = check(&wanted, &words, &note);
    if (!is_ok(s)) {
        fprintf(stderr, "hink policy explain: %s\nTry: hink policy explain --help\n", note.text);
        return CLI_USAGE;
    }
    s = ask(&wanted, &words, context, &note, &reply);
    if (!is_ok(s)) {
        fprintf(stderr, "hink policy explain: %s\n",
                note.text[0] ? note.text : status_text(s.code));
        return status_is(s, STATUS_INVALID) ? CLI_USAGE : CLI_FAILED;
    }
    const struct json *explanation = json_get(reply, "explanation");
    if (wanted.json) {
        print_json(explanation);
    } else {
        print_explanation(explanation);
    }
    json_free(&reply);
    return CLI_OK;
}

int policy_main(int argc, char **argv, const struct cli_context *context) {
    if (argc > 0 && strcmp(argv[0], "explain") == 0) return explain(argc - 1, argv + 1, context);
    bool asked = argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0);
    if (argc > 0 && argv[0][0] != '-') {
        fprintf(stderr, "hink policy: unknown verb '%.80s'\n", argv[0]);
    } else {
        args_help(&spec, asked ? stdout : stderr);
    }
    return asked ? CLI_OK : CLI_USAGE;
}
