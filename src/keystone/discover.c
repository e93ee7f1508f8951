/* What versions there are: the first thing that every client asks. */
#include "keystone/call.h"

static void write_version(struct keystone_call *call, struct json_writer *w) {
    json_begin_object(w);
    json_member_str(w, "id", "v3.14");
    json_member_str(w, "status", "stable");
    json_member_str(w, "updated", "2020-04-07T00:00:00Z");
    json_key(w, "links");
    json_begin_array(w);
    json_begin_object(w);
    json_member_str(w, "rel", "self");
    struct slice parts[] = {keystone_base_url(call), SLICE("/v3/")};
    json_member_string(w, "href", arena_join(call->arena, parts, 2));
    json_end_object(w);
    json_end_array(w);
    json_key(w, "media-types");
    json_begin_array(w);
    json_begin_object(w);
    json_member_str(w, "base", "application/json");
    json_member_str(w, "type", "application/vnd.openstack.identity-v3+json");
    json_end_object(w);
    json_end_array(w);
    json_end_object(w);
}

struct status keystone_discover_versions(struct keystone_call *call) {
    struct json_writer w = keystone_document(call);
    json_begin_object(&w);
    json_key(&w, "versions");
    json_begin_object(&w);
    json_key(&w, "values");
    json_begin_array(&w);
    write_version(call, &w);
    json_end_array(&w);
    json_end_object(&w);
    json_end_object(&w);
    call->response.status = 300;
    http_response_setf(&call->response, "Location", "%.*s/v3/", SLICE_FMT(keystone_base_url(call)));
    return status_ok();
}

struct status keystone_discover_version(struct keystone_call *call) {
    struct json_writer w = keystone_document(call);
    json_begin_object(&w);
    json_key(&w, "version");
    write_version(call, &w);
    json_end_object(&w);
    return status_ok();
}
