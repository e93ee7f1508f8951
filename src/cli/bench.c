#include "cli/bench.h"

#include "cli/bench_options.h"
#include "cli/cli.h"

int bench_main(int argc, char **argv) {
    struct bench_options options;
    struct args_result result;
    struct note note = {0};
    struct status s = bench_options_parse(argc, argv, &note, &options, &result);
    if (!is_ok(s)) {
        fprintf(stderr, "hink bench: %s\nTry: hink bench --help\n", note.text);
        return CLI_USAGE;
    }
    if (result.help) {
        bench_options_help(stdout);
        return CLI_OK;
    }
    fprintf(stderr, "hink bench: this build has no load generator yet\n");
    return CLI_FAILED;
}
