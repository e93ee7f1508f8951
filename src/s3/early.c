#include "s3/early.h"

static struct status begin(struct s3_call *call) {
    http_response_set_str(&call->response, "Content-Type", "application/xml");
    TRY(call->transport->early_begin(call));
    return call->transport->early_write(call,
                                        SLICE("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
}

struct status s3_early_pulse(struct s3_call *call) {
    if (!call->early) return begin(call);
    return call->transport->early_write(call, SLICE(" "));
}

void s3_early_declaration(struct s3_call *call, struct xml_writer *xml) {
    if (!call->early) xml_declaration(xml);
}
