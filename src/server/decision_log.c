#include "server/decision_log.h"

#include <stdio.h>

#include "s3/grants.h"
#include "server/log.h"

enum { BY_CAP = 96 };

/* What decided, counted from 1 as `hink policy explain` does; nothing for most reasons. */
static void format_by(const struct access_decision *decision, char by[static BY_CAP]) {
    by[0] = 0;
    if (access_reason_is_statement(decision->reason)) {
        snprintf(by, BY_CAP, " (statement %zu%s%.*s)", decision->statement + 1,
                 decision->sid.len > 0 ? ", " : "", SLICE_FMT(slice_take(decision->sid, 60)));
    } else if (access_reason_is_grant(decision->reason) &&
               decision->grant != ACCESS_GRANT_OF_OWNER) {
        snprintf(by, BY_CAP, " (grant %zu)", decision->grant + 1);
    }
}

void decision_log(const struct s3_call *call, const struct s3_question *question,
                  const struct access_decision *decision) {
    char by[BY_CAP];
    const struct principal *who = &call->auth.principal;
    if (!log_enabled(LOG_DEBUG)) return;
    format_by(decision, by);
    log_line(LOG_DEBUG, "request %.*s: %s on %.*s%s%.*s by %.*s of project %.*s: %s: %s%s",
             SLICE_FMT(call->request_id), question->action, SLICE_FMT(question->bucket->name),
             question->key.len > 0 ? "/" : "", SLICE_FMT(slice_take(question->key, 256)),
             SLICE_FMT(who->anonymous ? SLICE("nobody") : who->user_id),
             SLICE_FMT(who->anonymous ? SLICE("-") : who->project_id),
             decision->allowed ? "allowed" : "denied", access_reason_text(decision->reason), by);
}
