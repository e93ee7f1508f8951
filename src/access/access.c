#include "access/access.h"

bool access_allows(const struct access_request *request) {
    if (request->principal_admin) return true;
    /* Everybody may ask for their own buckets; who is nobody has none. */
    if (slice_eq(slice_str(request->action), SLICE("s3:ListAllMyBuckets"))) return true;
    if (request->principal_anonymous || request->principal_project.len == 0) return false;
    return slice_eq(request->principal_project, request->owner_project);
}
