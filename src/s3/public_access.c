#include "s3/public_access.h"

#include "base/check.h"
#include "xml/reader.h"

static struct status switch_read(const struct xml_node *root, const char *name, struct note *note,
                                 bool *ret_on) {
    *ret_on = false;
    if (xml_child(root, name) == NULL || xml_bool(root, name, ret_on)) return status_ok();
    return note_status(note, STATUS_INVALID, "%s is neither true nor false", name);
}

struct status public_access_parse(struct arena *arena, struct slice document, struct note *note,
                                  struct public_access *ret_block) {
    const struct xml_node *root;
    struct public_access block;
    TRY(xml_parse(arena, document, NULL, note, &root));
    if (!xml_is(root, "PublicAccessBlockConfiguration")) {
        return note_status(note, STATUS_INVALID, "it is no PublicAccessBlockConfiguration");
    }
    TRY(switch_read(root, "BlockPublicAcls", note, &block.block_acls));
    TRY(switch_read(root, "IgnorePublicAcls", note, &block.ignore_acls));
    TRY(switch_read(root, "BlockPublicPolicy", note, &block.block_policy));
    TRY(switch_read(root, "RestrictPublicBuckets", note, &block.restrict_all));
    *ret_block = block;
    return status_ok();
}
