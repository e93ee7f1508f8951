#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/account.h"
#include "cli/args.h"
#include "cli/bench.h"
#include "cli/check.h"
#include "cli/policy.h"
#include "cli/store.h"
#include "cli/suggest.h"

struct command {
    const char *name;
    const char *help;
    /* `argv` begins behind the command's name. */
    int (*run)(int argc, char **argv, const struct cli_context *context);
};

static int usage_error(const char *command, const struct note *note) {
    fprintf(stderr, "hink %s: %s\n", command, note->text);
    fprintf(stderr, "Try: hink %s --help\n", command);
    return CLI_USAGE;
}

static const struct args_option serve_options[] = {
    {"--config", "FILE", ARGS_TEXT, "the configuration (see hink.conf)",
     offsetof(struct cli_where, config)},
    {"--data", "DIR", ARGS_TEXT, "serve this directory without a configuration",
     offsetof(struct cli_where, data)},
    {"--listen", "HOST:PORT", ARGS_TEXT, "with --data: where to listen; 127.0.0.1:9000 without",
     offsetof(struct cli_where, listen)},
    {"--admin-listen", "HOST:PORT", ARGS_TEXT, "with --data: where health and metrics are",
     offsetof(struct cli_where, admin_listen)},
    {"--accept-metadata-from", "DRIVE", ARGS_TEXT,
     "start from this copy of the metadata although others are missing; what they had beyond it is "
     "lost",
     offsetof(struct cli_where, accept_metadata_from)},
};

static const struct args_spec serve_spec = {
    .usage = "hink serve {--config FILE | --data DIR [--listen HOST:PORT]}",
    .about =
        "Serves S3 until SIGINT or SIGTERM. HINK_ACCESS_KEY and HINK_SECRET_KEY give the first\n"
        "user's key, HINK_BUCKETS=a,b buckets to make.",
    .options = serve_options,
    .option_count = ARRAY_LEN(serve_options),
};

static struct status check_where(const struct cli_where *where, struct note *note) {
    if (where->config != NULL && where->data != NULL) {
        return note_status(note, STATUS_INVALID, "--config and --data exclude each other");
    }
    if (where->config == NULL && where->data == NULL) {
        return note_status(note, STATUS_INVALID, "--config FILE or --data DIR is needed");
    }
    if (where->config != NULL && (where->listen != NULL || where->admin_listen != NULL)) {
        return note_status(note, STATUS_INVALID,
                           "--listen and --admin-listen go with --data; with --config they are in "
                           "the file");
    }
    return status_ok();
}

static int run_serve(int argc, char **argv, const struct cli_context *context) {
    struct cli_where where = {0};
    struct args_result result;
    struct note note = {0};
    struct status s = args_parse(&serve_spec, argc, argv, &note, &where, &result);
    if (is_ok(s) && result.help) {
        args_help(&serve_spec, stdout);
        return CLI_OK;
    }
    if (is_ok(s)) s = check_where(&where, &note);
    if (!is_ok(s)) return usage_error("serve", &note);
    return context->serve(&where);
}

static const struct args_spec check_config_spec = {
    .usage = "hink check-config FILE",
    .about =
        "Says whether FILE is a configuration that `hink serve --config FILE` would take.\n"
        "Nothing is made or changed.",
    .positional_max = 1,
};

static int run_check_config(int argc, char **argv, const struct cli_context *context) {
    struct args_result result;
    struct note note = {0};
    struct status s = args_parse(&check_config_spec, argc, argv, &note, NULL, &result);
    if (is_ok(s) && result.help) {
        args_help(&check_config_spec, stdout);
        return CLI_OK;
    }
    if (is_ok(s) && result.positional_count == 0) {
        s = note_status(&note, STATUS_INVALID, "which FILE?");
    }
    if (!is_ok(s)) return usage_error("check-config", &note);
    const char *path = result.positional[0];
    s = context->check_config(path, &note);
    if (!is_ok(s)) {
        fprintf(stderr, "%s\n", note.text[0] ? note.text : status_text(s.code));
        return CLI_USAGE;
    }
    printf("%s: good\n", path);
    return CLI_OK;
}

static int run_bench(int argc, char **argv, const struct cli_context *context) {
    (void)context;
    return bench_main(argc, argv);
}

static int run_help(int argc, char **argv, const struct cli_context *context);

static int run_user(int argc, char **argv, const struct cli_context *context) {
    return account_main("user", argc, argv, context);
}

static int run_project(int argc, char **argv, const struct cli_context *context) {
    return account_main("project", argc, argv, context);
}

static int run_domain(int argc, char **argv, const struct cli_context *context) {
    return account_main("domain", argc, argv, context);
}

static int run_key(int argc, char **argv, const struct cli_context *context) {
    return account_main("key", argc, argv, context);
}

static int run_role(int argc, char **argv, const struct cli_context *context) {
    return account_main("role", argc, argv, context);
}

static int run_policy(int argc, char **argv, const struct cli_context *context) {
    return policy_main(argc, argv, context);
}

static int run_drive(int argc, char **argv, const struct cli_context *context) {
    return store_main("drive", argc, argv, context);
}

static int run_scrub(int argc, char **argv, const struct cli_context *context) {
    return store_main("scrub", argc, argv, context);
}

static int run_status(int argc, char **argv, const struct cli_context *context) {
    return store_main("status", argc, argv, context);
}

static const struct command commands[] = {
    {"serve", "serve S3", run_serve},
    {"check-config", "say whether a configuration file is right", run_check_config},
    {"user", "administer users", run_user},
    {"project", "administer projects", run_project},
    {"domain", "administer domains", run_domain},
    {"key", "administer access keys", run_key},
    {"role", "say what users may do in projects", run_role},
    {"policy", "say why a request is allowed or denied", run_policy},
    {"status", "say how the store is", run_status},
    {"drive", "add, replace, empty and remove drives", run_drive},
    {"scrub", "read everything that is stored, and repair it", run_scrub},
    {"check", "look at everything in a store that is not served", check_main},
    {"bench", "measure an S3 endpoint", run_bench},
    {"help", "say what a command does", run_help},
};

static void print_help(FILE *out) {
    fprintf(out,
            "hink keeps objects in buckets and serves them over the S3 protocol.\n\n"
            "Usage: hink COMMAND [OPTIONS]\n\nCommands:\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        fprintf(out, "  %-14s%s\n", commands[i].name, commands[i].help);
    }
    fprintf(out,
            "\n`hink COMMAND --help` has the options, man hink the rest. To begin with:\n"
            "  hink serve --data DIR\n");
}

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    }
    return NULL;
}

static int unknown_command(const char *name) {
    const char *names[ARRAY_LEN(commands)];
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) names[i] = commands[i].name;
    const char *near = suggest(slice_str(name), names, ARRAY_LEN(names));
    fprintf(stderr, "hink: unknown command '%.80s'%s%s%s\n", name, near ? "; did you mean " : "",
            near ? near : "", near ? "?" : "");
    if (near == NULL) fprintf(stderr, "Try: hink help\n");
    return CLI_USAGE;
}

static int run_help(int argc, char **argv, const struct cli_context *context) {
    if (argc == 0 || argv[0][0] == '-') {
        print_help(stdout);
        return CLI_OK;
    }
    const struct command *command = find_command(argv[0]);
    if (command == NULL) return unknown_command(argv[0]);
    char help[] = "--help";
    char *words[] = {help, NULL};
    return command->run == run_help ? run_help(0, NULL, context) : command->run(1, words, context);
}

int cli_main(int argc, char **argv, const struct cli_context *context) {
    const char *word = argc > 1 ? argv[1] : NULL;
    if (word == NULL) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("hink %s\n", HINK_VERSION);
        return CLI_OK;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) word = "help";
    const struct command *command = find_command(word);
    if (command == NULL) return unknown_command(word);
    int code = command->run(argc - 2, argv + 2, context);
    /* A full disk or a closed pipe behind standard output is a failure, not a success. */
    if (fflush(stdout) != 0 && code == CLI_OK) code = CLI_FAILED;
    return code;
}
