/* The command line as a person meets it: words, tables, exit codes. */
#include "cli/cli.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
#include "cli/table.h"

/* What the commands asked of the server, and what it answers. */
static struct {
    char request[4096];
    const char *replies[4];
    size_t calls;
    struct status offline;
    struct cli_where served;
    int served_code;
    struct status config;
    size_t wrong; /* things that a check finds; with repair all but the first are put right */
} fake;

static int fake_serve(const struct cli_where *where) {
    fake.served = *where;
    return fake.served_code;
}

static struct status fake_check_config(const char *path, struct note *note) {
    if (is_ok(fake.config)) return fake.config;
    return note_status(note, fake.config.code, "%s:7: wrong", path);
}

static struct status fake_socket(const struct cli_where *where, struct note *note, char *out,
                                 size_t cap) {
    if (where->config != NULL && strcmp(where->config, "bad.conf") == 0) {
        return note_status(note, STATUS_INVALID, "bad.conf:3: wrong");
    }
    snprintf(out, cap, "/nonexistent/admin.sock");
    return status_ok();
}

static struct status fake_offline(const struct cli_where *where, struct slice request,
                                  struct note *note, struct buf *reply) {
    (void)where;
    (void)note;
    if (!is_ok(fake.offline)) return fake.offline;
    snprintf(fake.request, sizeof fake.request, "%.*s", SLICE_FMT(request));
    buf_append_str(reply, fake.replies[fake.calls++]);
    return status_ok();
}

static void fake_document(struct slice request, struct buf *reply) {
    snprintf(fake.request, sizeof fake.request, "%.*s", SLICE_FMT(request));
    buf_append_str(reply, fake.replies[fake.calls++]);
}

static struct status fake_check(const struct cli_where *where, bool blocks, struct note *note,
                                struct findings *findings) {
    snprintf(fake.request, sizeof fake.request, "check %s%s%s", where->data,
             blocks ? "" : " without blocks", findings->repair ? " with repair" : "");
    if (!is_ok(fake.config)) return note_status(note, fake.config.code, "can't open it");
    findings_step(findings, "records", 1, 2);
    for (size_t i = 0; i < fake.wrong; i++) {
        findings_say(findings, FINDING_BLOCK, findings->repair && i > 0, "block %zu is wrong", i);
    }
    return status_ok();
}

static const struct cli_context context = {fake_serve,   fake_check_config, fake_socket,
                                           fake_offline, fake_document,     fake_check};

static int setup(void **state) {
    (void)state;
    memset(&fake, 0, sizeof fake);
    return 0;
}

/* What a command printed and how it ended. */
struct outcome {
    int code;
    char out[8192];
    char err[8192];
};

static void read_back(int fd, char *text, size_t cap) {
    ssize_t n = pread(fd, text, cap - 1, 0);
    assert_true(n >= 0);
    text[n] = 0;
    close(fd);
}

/* Runs `hink line`, split at blanks, with what it prints caught. */
static struct outcome run(const char *line) {
    static struct outcome outcome;
    char words[1024];
    char *argv[32];
    int argc = 0;
    char program[] = "hink";
    argv[argc++] = program;
    snprintf(words, sizeof words, "%s", line);
    char *rest = words;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (word[0] != 0) argv[argc++] = word;
    }
    argv[argc] = NULL;
    int out = memfd_create("out", MFD_CLOEXEC);
    int err = memfd_create("err", MFD_CLOEXEC);
    fflush(stdout);
    fflush(stderr);
    int old_out = dup(1);
    int old_err = dup(2);
    dup2(out, 1);
    dup2(err, 2);
    outcome.code = cli_main(argc, argv, &context);
    fflush(stdout);
    fflush(stderr);
    dup2(old_out, 1);
    dup2(old_err, 2);
    close(old_out);
    close(old_err);
    read_back(out, outcome.out, sizeof outcome.out);
    read_back(err, outcome.err, sizeof outcome.err);
    return outcome;
}

static void assert_usage_error(const char *line, const char *said) {
    struct outcome o = run(line);
    if (strstr(o.err, said) == NULL) print_error("%s: %s\n", line, o.err);
    assert_int_equal(o.code, CLI_USAGE);
    assert_non_null(strstr(o.err, said));
    assert_string_equal(o.out, "");
}

static void test_words_that_are_no_command(void **state) {
    (void)state;
    assert_usage_error("", "Usage: hink COMMAND");
    assert_usage_error("sevre", "hink: unknown command 'sevre'; did you mean serve?\n");
    assert_usage_error("qqqqqq", "Try: hink help");
    assert_usage_error("help qqqqqq", "unknown command 'qqqqqq'");
    assert_usage_error("user crate", "hink user: unknown verb 'crate'; did you mean create?");
    assert_usage_error("user", "Usage: hink user VERB");
}

static void test_help_is_everywhere(void **state) {
    (void)state;
    static const char *const lines[] = {
        "help",       "--help",        "-h",           "help serve",  "serve --help",
        "help user",  "user --help",   "help key",     "help help",   "check-config -h",
        "key --help", "key create -h", "user list -h", "help policy", "policy explain -h"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct outcome o = run(lines[i]);
        assert_int_equal(o.code, CLI_OK);
        assert_non_null(strstr(o.out, "Usage: hink "));
        assert_string_equal(o.err, "");
    }
    struct outcome o = run("--version");
    assert_int_equal(o.code, CLI_OK);
    assert_string_equal(o.out, "hink " HINK_VERSION "\n");
}

static void test_serve(void **state) {
    (void)state;
    fake.served_code = 7;
    struct outcome o = run("serve --data /d --listen *:1 --admin-listen=127.0.0.1:2");
    assert_int_equal(o.code, 7);
    assert_string_equal(fake.served.data, "/d");
    assert_string_equal(fake.served.listen, "*:1");
    assert_string_equal(fake.served.admin_listen, "127.0.0.1:2");
    assert_null(fake.served.config);
    run("serve --config c");
    assert_string_equal(fake.served.config, "c");
    assert_usage_error("serve", "--config FILE or --data DIR is needed");
    assert_usage_error("serve --config c --data d", "exclude each other");
    assert_usage_error("serve --config c --listen x", "--listen and --admin-listen go with --data");
    assert_usage_error("serve --dta d", "unknown option --dta; did you mean --data?");
    assert_usage_error("serve d", "unexpected 'd'");
}

static void test_check_config(void **state) {
    (void)state;
    struct outcome o = run("check-config f.conf");
    assert_int_equal(o.code, CLI_OK);
    assert_string_equal(o.out, "f.conf: good\n");
    fake.config = status_of(STATUS_INVALID);
    o = run("check-config f.conf");
    assert_int_equal(o.code, CLI_USAGE);
    assert_string_equal(o.err, "f.conf:7: wrong\n");
    assert_usage_error("check-config", "which FILE?");
}

static void test_requests(void **state) {
    (void)state;
    fake.replies[0] = fake.replies[1] = fake.replies[2] = "{\"ok\":true}";
    struct outcome o = run("user delete anna --domain d --data /d");
    assert_int_equal(o.code, CLI_OK);
    assert_string_equal(o.out, "user anna: deleted\n");
    assert_string_equal(fake.request,
                        "{\"op\":\"user.delete\",\"name\":\"anna\",\"domain\":\"d\"}");
    o = run("key disable AKIA --data /d");
    assert_string_equal(o.out, "key AKIA: disabled\n");
    run("user create \"x\" --admin --id i --description t --data /d");
    assert_string_equal(fake.request,
                        "{\"op\":\"user.create\",\"name\":\"\\\"x\\\"\",\"id\":\"i\","
                        "\"description\":\"t\",\"admin\":true}");
}

static void test_items(void **state) {
    (void)state;
    fake.replies[0] = fake.replies[1] =
        "{\"ok\":true,\"key\":{\"access_key\":\"AKIA\",\"secret_key\":\"s3cr3t\","
        "\"enabled\":true}}";
    struct outcome o = run("key create --user u --project p --data /d");
    assert_int_equal(o.code, CLI_OK);
    assert_string_equal(o.out,
                        "FIELD       VALUE\naccess_key  AKIA\nsecret_key  s3cr3t\nenabled     yes\n"
                        "\nThe secret key is shown this once.\n");
    o = run("key create --user u --project p --data /d --json");
    assert_string_equal(o.out,
                        "{\"access_key\":\"AKIA\",\"secret_key\":\"s3cr3t\",\"enabled\":true}\n");
}

static void test_lists_follow_the_pages(void **state) {
    (void)state;
    fake.replies[0] = fake.replies[2] =
        "{\"ok\":true,\"items\":[{\"name\":\"Åsa\",\"id\":\"u1\",\"enabled\":true,\"admin\":false,"
        "\"created\":\"c\",\"domain_id\":\"default\",\"description\":\"\"}],\"next\":\"u1\"}";
    fake.replies[1] = fake.replies[3] =
        "{\"ok\":true,\"items\":[{\"name\":\"b\\u001b[1m\",\"id\":\"u2\",\"enabled\":false}]}";
    struct outcome o = run("user list --data /d");
    assert_int_equal(o.code, CLI_OK);
    assert_int_equal(fake.calls, 2);
    assert_string_equal(fake.request, "{\"op\":\"user.list\",\"after\":\"u1\"}");
    assert_non_null(strstr(o.out,
                           "NAME  ID  ENABLED  ADMIN  CREATED  DOMAIN   DESCRIPTION\n"
                           "Åsa   u1  yes      no     c        default  \n"));
    assert_non_null(strstr(o.out, "b?[1m"));
    o = run("user list --json --data /d");
    assert_string_equal(o.out,
                        "[\n  {\"name\":\"Åsa\",\"id\":\"u1\",\"enabled\":true,\"admin\":false,"
                        "\"created\":\"c\",\"domain_id\":\"default\",\"description\":\"\"},\n"
                        "  {\"name\":\"b\\u001b[1m\",\"id\":\"u2\",\"enabled\":false}\n]\n");
    fake.calls = 0;
    fake.replies[0] = "{\"ok\":true,\"items\":[]}";
    o = run("key list --json --data /d");
    assert_string_equal(o.out, "[]\n");
}

static void test_refusals_and_failures(void **state) {
    (void)state;
    fake.replies[0] = "{\"ok\":false,\"code\":\"NOT_FOUND\",\"message\":\"there is no user 'x'\"}";
    struct outcome o = run("user show x --data /d");
    assert_int_equal(o.code, CLI_FAILED);
    assert_string_equal(o.err, "hink user show: there is no user 'x'\n");
    fake.replies[1] = "nonsense";
    o = run("user show x --data /d");
    assert_int_equal(o.code, CLI_FAILED);
    assert_string_equal(o.err, "hink user show: the server's reply makes no sense\n");
    fake.offline = status_of(STATUS_BUSY);
    o = run("user show x --data /d");
    assert_int_equal(o.code, CLI_FAILED);
    assert_string_equal(o.err,
                        "hink user show: the store is in use by a process that does not answer at "
                        "/nonexistent/admin.sock\n");
    o = run("user show x --config bad.conf");
    assert_int_equal(o.code, CLI_USAGE);
    assert_string_equal(o.err, "hink user show: bad.conf:3: wrong\n");
    assert_usage_error("user show --data /d", "which USER?");
    assert_usage_error("user show x y --data /d", "unexpected 'y'");
    assert_usage_error("user show x --data /d --config c", "exclude each other");
    assert_usage_error("key create --user u --data /d", "--user and --project are needed");
    assert_usage_error("key create --user u --project p --access-key A --data /d",
                       "--access-key and --secret-key are given together");
    assert_usage_error("key show K --user u --data /d", "unknown option --user");
}

static void test_tables(void **state) {
    (void)state;
    static const char *const titles[] = {"A", "LONG"};
    struct table table;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    table_init(&table, titles, 2);
    for (int i = 0; i < 200; i++) table_cell(&table, i % 2 ? SLICE("x") : SLICE("öä\n"));
    table_print(&table, out);
    fclose(out);
    assert_memory_equal(text, "A    LONG\nöä?  x\n", strlen("A    LONG\nöä?  x\n"));
    table_fini(&table);
    free(text);
}

static void set_environment(const char *access_key, const char *secret_key, const char *buckets) {
    const char *const names[] = {"HINK_ACCESS_KEY", "HINK_SECRET_KEY", "HINK_BUCKETS"};
    const char *const values[] = {access_key, secret_key, buckets};
    for (size_t i = 0; i < 3; i++) {
        if (values[i] == NULL) {
            unsetenv(names[i]);
        } else {
            setenv(names[i], values[i], 1);
        }
    }
}

static void test_environment(void **state) {
    (void)state;
    struct cli_environment e;
    struct note note = {0};
    struct slice name;
    set_environment(NULL, NULL, NULL);
    assert_true(is_ok(cli_environment_read(&note, &e)));
    assert_int_equal(e.access_key.len, 0);
    assert_false(cli_next_bucket(&e.buckets, &name));
    set_environment("AKIA", "0123456789", " first, second.b,,third-3 ,");
    assert_true(is_ok(cli_environment_read(&note, &e)));
    assert_true(slice_eq(e.secret_key, SLICE("0123456789")));
    assert_true(cli_next_bucket(&e.buckets, &name) && slice_eq(name, SLICE("first")));
    assert_true(cli_next_bucket(&e.buckets, &name) && slice_eq(name, SLICE("second.b")));
    assert_true(cli_next_bucket(&e.buckets, &name) && slice_eq(name, SLICE("third-3")));
    assert_false(cli_next_bucket(&e.buckets, &name));
    static const struct {
        const char *access_key;
        const char *secret_key;
        const char *buckets;
        const char *said;
    } bad[] = {
        {"AKIA", NULL, NULL, "HINK_ACCESS_KEY needs HINK_SECRET_KEY too"},
        {NULL, "0123456789", NULL, "HINK_SECRET_KEY needs HINK_ACCESS_KEY too"},
        {"AK", "0123456789", NULL, "HINK_ACCESS_KEY must have 3 to 128 characters without blanks"},
        {"AKIA", "short", NULL, "HINK_SECRET_KEY must have 8 to 256 characters without blanks"},
        {"AKIA", "has a blank", NULL,
         "HINK_SECRET_KEY must have 8 to 256 characters without blanks"},
        {NULL, NULL, "good,Bad", "HINK_BUCKETS: 'Bad' is not a bucket's name"},
        {NULL, NULL, "-x-", "HINK_BUCKETS: '-x-' is not a bucket's name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        set_environment(bad[i].access_key, bad[i].secret_key, bad[i].buckets);
        assert_true(status_is(cli_environment_read(&note, &e), STATUS_INVALID));
        assert_string_equal(note.text, bad[i].said);
    }
    set_environment(NULL, NULL, NULL);
}

static void test_greeting_hides_the_secret_from_files(void **state) {
    (void)state;
    static const char *const endpoints[] = {"http://127.0.0.1:9000", "http://127.0.0.1:9001"};
    static const char *const regions[] = {"europe-se-1", "europe-se-1-rep"};
    struct cli_greeting greeting = {.zone = "z",
                                    .endpoints = endpoints,
                                    .regions = regions,
                                    .endpoint_count = 2,
                                    .access_key = SLICE("AKIA"),
                                    .secret_key = SLICE("s3cr3t"),
                                    .credential_file = "/d/first-key"};
    char text[4096];
    int fd = memfd_create("greeting", MFD_CLOEXEC);
    assert_true(is_ok(cli_greet(fd, &greeting)));
    read_back(fd, text, sizeof text);
    assert_null(strstr(text, "s3cr3t"));
    assert_non_null(strstr(text, "  access key  AKIA\n  secret key  in /d/first-key\n"));
    assert_non_null(strstr(text, "  europe-se-1-rep   http://127.0.0.1:9001\n"));
    assert_non_null(strstr(text,
                           "AWS_SHARED_CREDENTIALS_FILE=/d/first-key aws "
                           "--endpoint=http://127.0.0.1:9000 s3api list-buckets\n"));
    /* A terminal is shown it. */
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    assert_true(is_ok(cli_greet(terminal, &greeting)));
    ssize_t n = read(master, text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = 0;
    assert_non_null(strstr(text, "  secret key  s3cr3t"));
    close(terminal);
    close(master);
}

static void test_credential_file(void **state) {
    (void)state;
    char dir[] = "/tmp/hink-cli-XXXXXX";
    char path[64];
    char access_key[32];
    struct note note = {0};
    struct stat st;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/first-key", dir);
    assert_true(status_is(cli_read_credentials(path, access_key, 32), STATUS_NOT_FOUND));
    for (int i = 0; i < 2; i++) {
        assert_true(is_ok(cli_write_credentials(path, SLICE("AKIA"), SLICE("s3cr3t"), &note)));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_true(is_ok(cli_read_credentials(path, access_key, sizeof access_key)));
        assert_string_equal(access_key, "AKIA");
    }
    assert_true(status_is(cli_read_credentials(path, access_key, 4), STATUS_CORRUPT));
    char text[256];
    read_back(open(path, O_RDONLY), text, sizeof text);
    assert_string_equal(text,
                        "[default]\naws_access_key_id = AKIA\naws_secret_access_key = s3cr3t\n");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
    assert_false(is_ok(cli_write_credentials(path, SLICE("AKIA"), SLICE("s3cr3t"), &note)));
    assert_null(strstr(note.text, "s3cr3t"));
}

#define EXPLAINED                                                                                 \
    "{\"ok\":true,\"explanation\":{\"decision\":\"denied\",\"reason\":\"because\",\"statement\":" \
    "2,"                                                                                          \
    "\"sid\":\"S\"}}"

static void test_policy_explain_asks_the_store(void **state) {
    (void)state;
    fake.replies[0] = fake.replies[1] = EXPLAINED;
    struct outcome o =
        run("policy explain s3:GetObject bkt/a/b --data d --project p --user u --tls "
            "aws:x=1 s3:y=2=3 AWS:X=4");
    assert_string_equal(o.err, "");
    assert_int_equal(o.code, CLI_OK);
    assert_string_equal(fake.request,
                        "{\"op\":\"policy.explain\",\"action\":\"s3:GetObject\",\"bucket\":\"bkt\","
                        "\"key\":\"a/b\",\"facts\":{\"aws:x\":[\"1\",\"4\"],\"s3:y\":[\"2=3\"]},"
                        "\"user\":\"u\",\"project\":\"p\",\"tls\":true}");
    assert_string_equal(o.out, "denied: because\nstatement 2\nsid       S\n");
    o = run("policy explain s3:ListBucket arn:aws:s3:::bkt --data d --json");
    assert_string_equal(
        o.out, "{\"decision\":\"denied\",\"reason\":\"because\",\"statement\":2,\"sid\":\"S\"}\n");
    assert_non_null(strstr(fake.request, "\"bucket\":\"bkt\",\"facts\":{}}"));
}

static void test_policy_explain_with_a_document_alone(void **state) {
    (void)state;
    char path[] = "/tmp/hink-policy-XXXXXX";
    char line[256];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "{\"a\":1}", 7), 7);
    close(fd);
    fake.replies[0] = EXPLAINED;
    fake.replies[1] = "{\"ok\":false,\"code\":\"INVALID\",\"message\":\"no policy\"}";
    fake.offline = status_of(STATUS_BUSY);
    snprintf(line, sizeof line, "policy explain s3:GetObject b/k --policy %s --owner o", path);
    assert_int_equal(run(line).code, CLI_OK);
    assert_non_null(strstr(fake.request, "\"owner\":\"o\",\"policy\":\"{\\\"a\\\":1}\"}"));
    struct outcome o = run(line);
    assert_int_equal(o.code, CLI_FAILED);
    assert_string_equal(o.err, "hink policy explain: no policy\n");
    assert_int_equal(unlink(path), 0);
}

static void test_policy_explain_refuses_half_a_question(void **state) {
    (void)state;
    assert_usage_error("policy", "Usage: hink policy explain");
    assert_usage_error("policy put", "unknown verb 'put'");
    assert_usage_error("policy explain s3:GetObject --data d", "which ACTION on which BUCKET");
    assert_usage_error("policy explain a b c --data d", "'c' is no CONDITION=VALUE");
    assert_usage_error("policy explain a b --data d --access-key k --user u", "--access-key says");
    assert_usage_error("policy explain a b --data d --owner o", "--owner goes with --policy");
    struct outcome o = run("policy explain a b --policy /nonexistent/file");
    assert_int_equal(o.code, CLI_FAILED);
    assert_non_null(strstr(o.err, "/nonexistent/file: No such file"));
}

static const char drive_reply[] =
    "{\"ok\":true,\"items\":[{\"number\":3,\"path\":\"/srv/three\",\"media\":\"ssd\",\"state\":"
    "\"failed\",\"size_bytes\":1099511627776,\"used_bytes\":1536,\"free_bytes\":0,\"pieces\":12,"
    "\"pieces_short\":11,\"errors\":10,\"detail\":\"drive /srv/three: a sync failed\"}]}";

static void test_drives(void **state) {
    (void)state;
    fake.replies[0] = drive_reply;
    struct outcome o = run("drive list --data d");
    assert_int_equal(o.code, CLI_OK);
    assert_string_equal(fake.request, "{\"op\":\"drive.list\"}");
    assert_non_null(strstr(o.out, "DRIVE  STATE   MEDIA"));
    assert_non_null(strstr(o.out, "3      failed  ssd    1.0 TiB  1.5 KiB  0 B   12      11"));
    assert_non_null(strstr(o.out, "drive /srv/three: a sync failed\n"));
    fake.calls = 0;
    o = run("drive list --data d --json");
    assert_memory_equal(o.out, drive_reply, strlen(drive_reply));
    fake.calls = 0;
    fake.replies[0] = "{\"ok\":false,\"code\":\"CONFLICT\",\"message\":\"only with drive 3\"}";
    o = run("drive remove 3 --data d");
    assert_int_equal(o.code, CLI_FAILED);
    assert_string_equal(o.err, "hink drive remove: only with drive 3\n");
    assert_string_equal(fake.request, "{\"op\":\"drive.remove\",\"name\":\"3\"}");
    fake.calls = 0;
    fake.replies[0] = "{\"ok\":true}";
    o = run("drive remove 3 --lose-data --data d");
    assert_int_equal(o.code, CLI_OK);
    assert_string_equal(fake.request,
                        "{\"op\":\"drive.remove\",\"name\":\"3\",\"lose_data\":true}");
    assert_usage_error("drive", "Usage: hink drive VERB");
    assert_usage_error("drive drop", "unknown verb 'drop'");
    assert_usage_error("drive replace 3 --data d", "which DRIVE PATH?");
    assert_usage_error("scrub begin", "unknown verb 'begin'");
}

static void test_check_says_what_it_found(void **state) {
    (void)state;
    struct outcome o = run("check d");
    assert_int_equal(o.code, CLI_OK);
    assert_string_equal(fake.request, "check d");
    assert_string_equal(o.out, "nothing is wrong\n");
    fake.wrong = 2;
    o = run("check --data d --no-blocks");
    assert_int_equal(o.code, CLI_FAILED);
    assert_string_equal(fake.request, "check d without blocks");
    assert_non_null(
        strstr(o.out, "block: block 1 is wrong\n2 things are wrong, 0 of them repaired"));
    o = run("check d --repair");
    assert_int_equal(o.code, CLI_FAILED);
    assert_non_null(strstr(o.out, "block: block 0 is wrong\nblock: block 1 is wrong [repaired]\n"));
    o = run("check d --json");
    assert_memory_equal(o.out, "{\"findings\":[\n", 14);
    assert_non_null(strstr(o.out, "],\"found\":2,\"repaired\":0}\n"));
    fake.config = status_of(STATUS_BUSY);
    o = run("check d");
    assert_int_equal(o.code, CLI_FAILED);
    assert_string_equal(o.err, "hink check: can't open it\n");
    assert_usage_error("check d --data e", "exclude each other");
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup(function, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_words_that_are_no_command),
        TEST(test_help_is_everywhere),
        TEST(test_serve),
        TEST(test_check_config),
        TEST(test_requests),
        TEST(test_items),
        TEST(test_lists_follow_the_pages),
        TEST(test_refusals_and_failures),
        TEST(test_tables),
        TEST(test_environment),
        TEST(test_greeting_hides_the_secret_from_files),
        TEST(test_credential_file),
        TEST(test_policy_explain_asks_the_store),
        TEST(test_policy_explain_with_a_document_alone),
        TEST(test_policy_explain_refuses_half_a_question),
        TEST(test_drives),
        TEST(test_check_says_what_it_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
