/*
 * decision_log.h - each decision about access, in the debug log
 *
 * Threads: any.
 */
#ifndef SERVER_DECISION_LOG_H
#define SERVER_DECISION_LOG_H

#include "s3/call.h"

/*
 * s3_service.decided: writes a line that says what was asked, by whom, and what decided, where the
 * log's level is "debug".
 */
void decision_log(const struct s3_call *call, const struct s3_question *question,
                  const struct access_decision *decision);

#endif
