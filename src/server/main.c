/*
 * hink: one binary, several commands. The command line is cli/'s; serving begins in serve.c, and
 * one request's way in session.c.
 */
#include "cli/cli.h"
#include "server/admin_command.h"
#include "server/serve.h"

int main(int argc, char **argv) {
    static const struct cli_context context = {.serve = serve_run,
                                               .check_config = admin_command_check_config,
                                               .admin_socket = admin_command_socket,
                                               .admin_offline = admin_command_offline,
                                               .explain_document = admin_command_document,
                                               .check = admin_command_check};
    return cli_main(argc, argv, &context);
}
