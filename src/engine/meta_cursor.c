/* Cursors: the layers and the index of a view, merged; the newest that has a name says its value.
 *
 * A cursor keeps its view as long as nothing was published since, and looks again by name when
 * something was; so it shows what is durable now (K3), and holds no lock. */
#include <stdlib.h>

#include "base/check.h"
#include "engine/meta_inside.h"

enum { SOURCES = META_LAYERS + 1 };

/* How a source is to be placed relative to a name. */
enum place { AT_OR_AFTER, AFTER, AT_OR_BEFORE, BEFORE };

struct meta_cursor {
    struct kv_cursor cursor;
    struct meta *meta;
    struct meta_name prefix; /* with the partition in front */
    bool matches_nothing;    /* the prefix is longer than any key */
    struct meta_view *view;
    uint64_t sequence;
    bool back; /* the way the sources are placed */
    bool stands;
    bool met[SOURCES]; /* stands on the current name */
    struct layer_node *nodes[META_LAYERS];
    struct index_cursor index;
    struct slice name; /* in a layer, in the index cursor, or in `copy` */
    struct slice value;
    struct meta_name copy;
};

static struct meta_cursor *cursor_of(struct kv_cursor *cursor) {
    return CONTAINER_OF(cursor, struct meta_cursor, cursor);
}

static const struct meta_cursor *cursor_of_const(const struct kv_cursor *cursor) {
    return (const struct meta_cursor *)cursor; /* its first member */
}

static bool goes_back(enum place place) {
    return place == AT_OR_BEFORE || place == BEFORE;
}

/* The next node on that way. */
static struct layer_node *node_step(const struct layer *layer, struct layer_node *node, bool back) {
    return back ? layer_seek_back(layer, layer_node_name(node), true) : layer_next(node);
}

/* Passes by names that have no value yet as of the cursor's group. */
static struct layer_node *node_settle(const struct meta_cursor *self, unsigned i,
                                      struct layer_node *node) {
    struct slice value;
    while (node && !layer_node_value(node, self->sequence, &value)) {
        node = node_step(self->view->layers[i]->layer, node, self->back);
    }
    return node;
}

static struct status index_place(struct meta_cursor *self, struct slice name, enum place place) {
    struct index_cursor *index = &self->index;
    TRY(goes_back(place) ? index_cursor_seek_back(index, name) : index_cursor_seek(index, name));
    bool beyond = place == AFTER || place == BEFORE;
    if (!beyond || !index->valid || !slice_eq(index_cursor_name(index), name)) return status_ok();
    return place == BEFORE ? index_cursor_prev(index) : index_cursor_next(index);
}

/* Takes the newest view, if the one there is old. */
static void view_refresh(struct meta_cursor *self) {
    struct meta *meta = self->meta;
    bool same = self->view == atomic_load_explicit(&meta->view, memory_order_acquire);
    if (!same) {
        if (self->view) index_cursor_fini(&self->index);
        if (self->view) meta_view_release(meta, &self->view);
        self->view = meta_view_take(meta);
        index_cursor_init(&self->index, meta->index, self->view->root);
    }
    self->sequence = atomic_load_explicit(&meta->published, memory_order_acquire);
}

/* Places all sources relative to a name, in the newest view. */
static struct status sources_place(struct meta_cursor *self, struct slice name, enum place place) {
    view_refresh(self);
    self->back = goes_back(place);
    memset(self->met, 0, sizeof self->met);
    bool beyond = place == AFTER || place == BEFORE;
    for (unsigned i = 0; i < self->view->layer_count; i++) {
        const struct layer *layer = self->view->layers[i]->layer;
        struct layer_node *node =
            self->back ? layer_seek_back(layer, name, beyond) : layer_seek(layer, name, beyond);
        self->nodes[i] = node_settle(self, i, node);
    }
    return index_place(self, name, place);
}

/* Moves on the sources that stand on the current name. */
static struct status sources_step(struct meta_cursor *self) {
    for (unsigned i = 0; i < self->view->layer_count; i++) {
        if (!self->met[i]) continue;
        struct layer_node *node =
            node_step(self->view->layers[i]->layer, self->nodes[i], self->back);
        self->nodes[i] = node_settle(self, i, node);
        self->met[i] = false;
    }
    if (!self->met[META_LAYERS]) return status_ok();
    self->met[META_LAYERS] = false;
    return self->back ? index_cursor_prev(&self->index) : index_cursor_next(&self->index);
}

/* Finds the nearest name of all sources; false if all are at their end. The newest counts. */
static bool nearest_find(struct meta_cursor *self, unsigned *ret_source) {
    bool found = false;
    for (unsigned i = 0; i < SOURCES; i++) {
        struct slice name;
        if (i < META_LAYERS) {
            if (i >= self->view->layer_count || !self->nodes[i]) continue;
            name = layer_node_name(self->nodes[i]);
        } else {
            if (!self->index.valid) continue;
            name = index_cursor_name(&self->index);
        }
        int order = found ? slice_cmp(name, self->name) : -1;
        if (found && self->back) order = -order;
        if (order > 0) continue;
        if (order < 0) {
            memset(self->met, 0, sizeof self->met);
            self->name = name;
            *ret_source = i;
            found = true;
        }
        self->met[i] = true;
    }
    return found;
}

/* Stands on the nearest name that is not deleted, if it has the prefix. */
static struct status stand(struct meta_cursor *self, bool *ret_found) {
    self->stands = false;
    *ret_found = false;
    unsigned source = 0;
    while (nearest_find(self, &source)) {
        if (!slice_starts_with(self->name, meta_name_slice(&self->prefix))) return status_ok();
        if (source == META_LAYERS) {
            TRY(index_cursor_value(&self->index, &self->value));
        } else {
            CHECK(layer_node_value(self->nodes[source], self->sequence, &self->value));
        }
        if (self->value.len > 0) {
            self->stands = *ret_found = true;
            return status_ok();
        }
        TRY(sources_step(self));
    }
    return status_ok();
}

static void view_leave(struct meta_cursor *self) {
    self->stands = false;
    if (!self->view) return;
    index_cursor_fini(&self->index);
    meta_view_release(self->meta, &self->view);
}

/* Places and stands; at the end, the view is not kept. */
static struct status place_and_stand(struct meta_cursor *self, struct slice name, enum place place,
                                     bool *ret_found) {
    bool found = false;
    struct status s = sources_place(self, name, place);
    if (is_ok(s)) s = stand(self, &found);
    if (!found) view_leave(self);
    TRY(s);
    *ret_found = found;
    return status_ok();
}

/* The name that a seek means; false if its key is longer than any, and so not there. */
static bool seek_name(const struct meta_cursor *self, struct slice key, struct meta_name *name) {
    struct kv_partition partition;
    memcpy(partition.id, self->prefix.bytes, sizeof partition.id);
    return meta_name_make(name, partition, key);
}

static struct status cursor_seek(struct kv_cursor *cursor, struct slice key, bool *ret_found) {
    struct meta_cursor *self = cursor_of(cursor);
    *ret_found = false;
    if (self->matches_nothing) return status_ok();
    struct meta_name name;
    bool whole = seek_name(self, key, &name);
    if (slice_cmp(meta_name_slice(&name), meta_name_slice(&self->prefix)) < 0) {
        name = self->prefix;
        whole = true;
    }
    return place_and_stand(self, meta_name_slice(&name), whole ? AT_OR_AFTER : AFTER, ret_found);
}

/* Makes `name` the least one behind all that begin with it; false if there is none. */
static bool name_after_prefix(struct meta_name *name) {
    while (name->len > 0 && (uint8_t)name->bytes[name->len - 1] == 0xff) name->len--;
    if (name->len == 0) return false;
    name->bytes[name->len - 1]++;
    return true;
}

static struct status cursor_seek_back(struct kv_cursor *cursor, struct slice key, bool *ret_found) {
    struct meta_cursor *self = cursor_of(cursor);
    *ret_found = false;
    if (self->matches_nothing) return status_ok();
    struct meta_name name;
    seek_name(self, key, &name);
    struct meta_name end = self->prefix;
    bool beyond =
        name_after_prefix(&end) && slice_cmp(meta_name_slice(&name), meta_name_slice(&end)) >= 0;
    return place_and_stand(self, meta_name_slice(beyond ? &end : &name),
                           beyond ? BEFORE : AT_OR_BEFORE, ret_found);
}

static struct status cursor_step(struct meta_cursor *self, bool back, bool *ret_found) {
    *ret_found = false;
    if (!self->stands) return status_ok();
    struct meta *meta = self->meta;
    bool news = self->sequence != atomic_load_explicit(&meta->published, memory_order_acquire) ||
                self->view != atomic_load_explicit(&meta->view, memory_order_acquire);
    if (news || back != self->back) {
        memcpy(self->copy.bytes, self->name.ptr, self->name.len);
        self->copy.len = self->name.len;
        struct slice name = meta_name_slice(&self->copy);
        return place_and_stand(self, name, back ? BEFORE : AFTER, ret_found);
    }
    bool found = false;
    struct status s = sources_step(self);
    if (is_ok(s)) s = stand(self, &found);
    if (!found) view_leave(self);
    TRY(s);
    *ret_found = found;
    return status_ok();
}

static struct status cursor_next(struct kv_cursor *cursor, bool *ret_found) {
    return cursor_step(cursor_of(cursor), false, ret_found);
}

static struct status cursor_prev(struct kv_cursor *cursor, bool *ret_found) {
    return cursor_step(cursor_of(cursor), true, ret_found);
}

static struct slice cursor_key(const struct kv_cursor *cursor) {
    const struct meta_cursor *self = cursor_of_const(cursor);
    CHECK(self->stands);
    return slice_skip(self->name, KV_PARTITION_LEN);
}

static struct slice cursor_value(const struct kv_cursor *cursor) {
    const struct meta_cursor *self = cursor_of_const(cursor);
    CHECK(self->stands);
    return self->value;
}

static void cursor_close(struct kv_cursor **cursor) {
    struct meta_cursor *self = cursor_of(*cursor);
    view_leave(self);
    free(self);
    *cursor = NULL;
}

static const struct kv_cursor_ops cursor_ops = {
    .seek = cursor_seek,
    .seek_back = cursor_seek_back,
    .next = cursor_next,
    .prev = cursor_prev,
    .key = cursor_key,
    .value = cursor_value,
    .close = cursor_close,
};

struct status meta_cursor_open(struct kv *kv, struct kv_partition partition, struct slice prefix,
                               struct kv_cursor **ret_cursor) {
    struct meta_cursor *self = malloc(sizeof *self);
    CHECK(self);
    self->cursor.ops = &cursor_ops;
    self->meta = CONTAINER_OF(kv, struct meta, kv);
    self->matches_nothing = !meta_name_make(&self->prefix, partition, prefix);
    self->view = NULL;
    self->stands = false;
    memset(self->nodes, 0, sizeof self->nodes);
    *ret_cursor = &self->cursor;
    return status_ok();
}

struct status meta_partition_find(struct kv *kv, struct kv_partition from, bool *ret_found,
                                  struct kv_partition *ret_partition) {
    struct kv_cursor *cursor;
    TRY(meta_cursor_open(kv, from, slice_of(NULL, 0), &cursor));
    struct meta_cursor *self = cursor_of(cursor);
    self->prefix.len = 0; /* every name of every partition has that */
    struct status s =
        place_and_stand(self, slice_of(from.id, sizeof from.id), AT_OR_AFTER, ret_found);
    if (is_ok(s) && *ret_found) memcpy(ret_partition->id, self->name.ptr, KV_PARTITION_LEN);
    kv_cursor_close(&cursor);
    return s;
}
