#include "s3/lock_document.h"

#include "base/date.h"
#include "xml/reader.h"

#define NS_PER_DAY (24 * 60 * 60 * NS_PER_S)

/* A document on its way in. */
struct parse {
    struct arena *arena;
    struct note *note;
    enum lock_defect defect;
};

static struct status refuse(struct parse *p, enum lock_defect defect, const char *text) {
    p->defect = defect;
    return note_status(p->note, STATUS_INVALID, "%s", text);
}

static struct status malformed(struct parse *p) {
    return refuse(p, LOCK_DEFECT_MALFORMED,
                  "The XML you provided was not well-formed or did not validate against our "
                  "published schema");
}

static struct status root_read(struct parse *p, struct slice document, const char *name,
                               const struct xml_node **ret_root) {
    struct note why = {0};
    if (document.len > LOCK_DOCUMENT_MAX) return malformed(p);
    struct status s = xml_parse(p->arena, document, NULL, &why, ret_root);
    if (status_is(s, STATUS_INVALID) || status_is(s, STATUS_TOO_LARGE)) return malformed(p);
    TRY(s);
    return xml_is(*ret_root, name) ? status_ok() : malformed(p);
}

bool lock_mode_parse(struct slice text, enum lock_mode *ret_mode) {
    if (slice_eq(text, SLICE("GOVERNANCE"))) {
        *ret_mode = LOCK_MODE_GOVERNANCE;
    } else if (slice_eq(text, SLICE("COMPLIANCE"))) {
        *ret_mode = LOCK_MODE_COMPLIANCE;
    } else {
        return false;
    }
    return true;
}

const char *lock_mode_name(enum lock_mode mode) {
    return mode == LOCK_MODE_COMPLIANCE ? "COMPLIANCE" : "GOVERNANCE";
}

static struct status period_read(struct parse *p, const struct xml_node *node, const char *name,
                                 uint64_t max, uint64_t *ret_value) {
    if (xml_child(node, name) == NULL) return status_ok();
    uint64_t value;
    if (!xml_u64(node, name, &value) || value == 0) {
        return refuse(p, LOCK_DEFECT_PERIOD,
                      "Default retention period must be a positive integer value");
    }
    if (value > max) return refuse(p, LOCK_DEFECT_PERIOD, "Default retention period too large");
    *ret_value = value;
    return status_ok();
}

static struct status default_read(struct parse *p, const struct xml_node *root,
                                  struct lock_default *rule) {
    if (!slice_eq(slice_trim(xml_text(root, "ObjectLockEnabled")), SLICE("Enabled"))) {
        return malformed(p);
    }
    if (xml_child(root, "Rule") == NULL) return status_ok();
    const struct xml_node *node = xml_child(xml_child(root, "Rule"), "DefaultRetention");
    if (node == NULL || !lock_mode_parse(slice_trim(xml_text(node, "Mode")), &rule->mode)) {
        return malformed(p);
    }
    TRY(period_read(p, node, "Days", LOCK_DAYS_MAX, &rule->days));
    TRY(period_read(p, node, "Years", LOCK_YEARS_MAX, &rule->years));
    return (rule->days == 0) != (rule->years == 0) ? status_ok() : malformed(p);
}

struct status lock_default_parse(struct arena *arena, struct slice document, struct note *note,
                                 enum lock_defect *ret_defect, struct lock_default *ret_default) {
    struct parse p = {.arena = arena, .note = note};
    struct lock_default rule = {0};
    const struct xml_node *root;
    struct status s = root_read(&p, document, "ObjectLockConfiguration", &root);
    if (is_ok(s)) s = default_read(&p, root, &rule);
    *ret_defect = p.defect;
    if (is_ok(s)) *ret_default = rule;
    return s;
}

static struct status retention_read(struct parse *p, const struct xml_node *root,
                                    struct lock_retention *retention) {
    bool has_mode = xml_child(root, "Mode") != NULL;
    bool has_date = xml_child(root, "RetainUntilDate") != NULL;
    if (!has_mode && !has_date) return status_ok();
    if (!has_mode || !has_date) return malformed(p);
    if (!lock_mode_parse(slice_trim(xml_text(root, "Mode")), &retention->mode)) {
        return malformed(p);
    }
    struct slice date = slice_trim(xml_text(root, "RetainUntilDate"));
    return date_parse_iso(date, &retention->until_ns) ? status_ok() : malformed(p);
}

struct status lock_retention_parse(struct arena *arena, struct slice document, struct note *note,
                                   enum lock_defect *ret_defect,
                                   struct lock_retention *ret_retention) {
    struct parse p = {.arena = arena, .note = note};
    struct lock_retention retention = {0};
    const struct xml_node *root;
    struct status s = root_read(&p, document, "Retention", &root);
    if (is_ok(s)) s = retention_read(&p, root, &retention);
    *ret_defect = p.defect;
    if (is_ok(s)) *ret_retention = retention;
    return s;
}

struct status lock_hold_parse(struct arena *arena, struct slice document, struct note *note,
                              enum lock_defect *ret_defect, bool *ret_hold) {
    struct parse p = {.arena = arena, .note = note};
    const struct xml_node *root;
    struct status s = root_read(&p, document, "LegalHold", &root);
    if (is_ok(s)) {
        struct slice word = slice_trim(xml_text(root, "Status"));
        *ret_hold = slice_eq(word, SLICE("ON"));
        if (!*ret_hold && !slice_eq(word, SLICE("OFF"))) s = malformed(&p);
    }
    *ret_defect = p.defect;
    return s;
}

static struct status versioning_read(struct parse *p, const struct xml_node *root, bool *ret_given,
                                     bool *ret_enabled) {
    struct slice mfa = slice_trim(xml_text(root, "MfaDelete"));
    struct slice word = slice_trim(xml_text(root, "Status"));
    if (slice_eq(mfa, SLICE("Enabled"))) {
        return refuse(p, LOCK_DEFECT_ARGUMENT, "MFA delete can not be enabled in this zone.");
    }
    if (mfa.ptr != NULL && !slice_eq(mfa, SLICE("Disabled"))) return malformed(p);
    *ret_given = word.ptr != NULL;
    *ret_enabled = slice_eq(word, SLICE("Enabled"));
    bool fine = !*ret_given || *ret_enabled || slice_eq(word, SLICE("Suspended"));
    return fine ? status_ok() : malformed(p);
}

struct status versioning_parse(struct arena *arena, struct slice document, struct note *note,
                               enum lock_defect *ret_defect, bool *ret_given, bool *ret_enabled) {
    struct parse p = {.arena = arena, .note = note};
    const struct xml_node *root;
    struct status s = root_read(&p, document, "VersioningConfiguration", &root);
    if (is_ok(s)) s = versioning_read(&p, root, ret_given, ret_enabled);
    *ret_defect = p.defect;
    return s;
}

int64_t lock_default_until_ns(const struct lock_default *rule, int64_t now_ns) {
    int64_t days = (int64_t)(rule->days > 0 ? rule->days : rule->years * 365);
    return now_ns + days * NS_PER_DAY;
}

static void root_open(struct xml_writer *writer, const char *name) {
    xml_declaration(writer);
    xml_open_ns(writer, name, XML_NS_S3);
}

void lock_default_write(struct xml_writer *writer, const struct lock_default *rule) {
    root_open(writer, "ObjectLockConfiguration");
    xml_element_str(writer, "ObjectLockEnabled", "Enabled");
    if (rule->mode != LOCK_MODE_NONE) {
        xml_open(writer, "Rule");
        xml_open(writer, "DefaultRetention");
        xml_element_str(writer, "Mode", lock_mode_name(rule->mode));
        if (rule->days > 0) xml_element_u64(writer, "Days", rule->days);
        if (rule->years > 0) xml_element_u64(writer, "Years", rule->years);
        xml_close(writer, "DefaultRetention");
        xml_close(writer, "Rule");
    }
    xml_close(writer, "ObjectLockConfiguration");
}

void lock_retention_write(struct xml_writer *writer, const struct lock_retention *retention) {
    root_open(writer, "Retention");
    xml_element_str(writer, "Mode", lock_mode_name(retention->mode));
    xml_element_time(writer, "RetainUntilDate", retention->until_ns);
    xml_close(writer, "Retention");
}

void lock_hold_write(struct xml_writer *writer, bool hold) {
    root_open(writer, "LegalHold");
    xml_element_str(writer, "Status", hold ? "ON" : "OFF");
    xml_close(writer, "LegalHold");
}
