/* Any bytes as CreateBucketConfiguration: a bucket with a policy of the region, or a refusal. */
#include <stdint.h>

#include "base/check.h"
#include "support/s3_call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct s3_test test;
static bool is_open;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!is_open) s3_test_open(&test);
    is_open = true;
    int status = s3_test_send(&test, "PUT /bucket", NULL, slice_of(data, size));
    CHECK(status == 200 || status == 400 || status == 501);
    if (status != 200) {
        CHECK(s3_test_element(&test, "Code").len > 0);
        return 0;
    }
    struct slice policy = test.call.bucket.policy;
    CHECK(slice_eq(policy, SLICE("standard")) || slice_eq(policy, SLICE("hp.intensive")) ||
          slice_eq(policy, SLICE("gp.archive")));
    CHECK(s3_test_get(&test, "DELETE /bucket") == 204);
    return 0;
}
