/* Secrets under seal: AES-256-GCM with the key of the key file. */
#include "base/check.h"
#include "crypto/aead.h"
#include "identity/builtin_record.h"
#include "identity/builtin_store.h"

static const struct slice no_slice = {NULL, 0};

/* What a secret is bound to, so that its ciphertext opens in no other record. */
static struct slice binding_of(const struct builtin_key *key, struct arena *arena) {
    struct slice nul = slice_of("", 1);
    struct slice parts[] = {SLICE("hink access key"), nul, key->access_key, nul, key->user_id, nul,
                            key->project_id};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

struct status builtin_key_seal(struct builtin *store, const struct builtin_key *key,
                               struct arena *arena, struct builtin_sealed_key *ret_key) {
    char *nonce = arena_alloc(arena, BUILTIN_NONCE_LEN);
    uint8_t *sealed = arena_alloc(arena, key->secret.len + BUILTIN_TAG_LEN);
    struct slice binding = binding_of(key, arena);
    TRY(arena_ok(arena));
    random_fill(store->random, nonce, BUILTIN_NONCE_LEN);
    aead_seal(store->key.bytes, (const uint8_t *)nonce, binding, key->secret, sealed);
    *ret_key = (struct builtin_sealed_key){
        .key = *key,
        .nonce = slice_of(nonce, BUILTIN_NONCE_LEN),
        .sealed_secret = slice_of(sealed, key->secret.len + BUILTIN_TAG_LEN),
    };
    ret_key->key.secret = SLICE("");
    return status_ok();
}

struct status builtin_key_unseal(struct builtin *store, const struct builtin_sealed_key *sealed,
                                 struct arena *arena, struct slice *ret_secret) {
    bool sane = sealed->nonce.len == BUILTIN_NONCE_LEN &&
                sealed->sealed_secret.len >= BUILTIN_TAG_LEN + IDENTITY_SECRET_KEY_MIN &&
                sealed->sealed_secret.len <= BUILTIN_TAG_LEN + IDENTITY_SECRET_KEY_MAX;
    if (!sane) return status_of(STATUS_CORRUPT);
    size_t len = sealed->sealed_secret.len - BUILTIN_TAG_LEN;
    uint8_t *secret = arena_alloc(arena, len);
    struct slice binding = binding_of(&sealed->key, arena);
    TRY(arena_ok(arena));
    struct status s = aead_open(store->key.bytes, (const uint8_t *)sealed->nonce.ptr, binding,
                                sealed->sealed_secret, secret);
    if (!is_ok(s)) return status_of(STATUS_CORRUPT);
    *ret_secret = slice_of(secret, len);
    return status_ok();
}

static struct slice check_binding(void) {
    return SLICE("hink key check");
}

static struct status write_check(struct builtin *store, const struct builtin_path *path) {
    uint8_t nonce[BUILTIN_NONCE_LEN];
    uint8_t sealed[BUILTIN_TAG_LEN];
    uint8_t bytes[BUILTIN_RECORD_BYTES_MAX];
    random_fill(store->random, nonce, sizeof nonce);
    aead_seal(store->key.bytes, nonce, check_binding(), SLICE(""), sealed);
    Identity__KeyCheck message = IDENTITY__KEY_CHECK__INIT;
    message.version = BUILTIN_RECORD_VERSION;
    message.nonce = (ProtobufCBinaryData){sizeof nonce, nonce};
    message.sealed = (ProtobufCBinaryData){sizeof sealed, sealed};
    size_t len = identity__key_check__pack(&message, bytes);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_guard_absent(batch, builtin_path_slice(path));
    kv_batch_put(batch, builtin_path_slice(path), slice_of(bytes, len));
    struct status s = builtin_commit(store, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

static struct status read_check(struct builtin *store, const struct builtin_path *path,
                                struct arena *arena, struct note *note) {
    struct slice raw;
    void *decoded;
    uint8_t nothing[1];
    TRY(kv_get(store->kv, kv_partition_system, builtin_path_slice(path), arena, &raw));
    TRY(builtin_record_decode(&identity__key_check__descriptor, raw, arena, &decoded));
    const Identity__KeyCheck *message = decoded;
    bool sane = message->version == BUILTIN_RECORD_VERSION &&
                message->nonce.len == BUILTIN_NONCE_LEN && message->sealed.len == BUILTIN_TAG_LEN;
    if (!sane) return status_of(STATUS_CORRUPT);
    struct status s = aead_open(store->key.bytes, message->nonce.data, check_binding(),
                                slice_of(message->sealed.data, message->sealed.len), nothing);
    if (is_ok(s)) return s;
    return note_status(note, STATUS_DENIED,
                       "the key file is not the one that this store was set up with");
}

struct status builtin_check_key_file(struct builtin *store, struct note *note) {
    struct builtin_path path = builtin_path(BUILTIN_TABLE_KEY_CHECK, SLICE(""), no_slice);
    struct arena arena;
    arena_init(&arena, BUILTIN_RECORD_BYTES_MAX, 64 * 1024);
    struct status s = read_check(store, &path, &arena, note);
    if (status_is(s, STATUS_NOT_FOUND)) {
        s = write_check(store, &path);
        /* Another process was faster: what it wrote counts. */
        if (status_is(s, STATUS_CONFLICT)) s = read_check(store, &path, &arena, note);
    }
    arena_fini(&arena);
    if (is_ok(s) || status_is(s, STATUS_DENIED)) return s;
    return note_status(note, s.code, "reading the identity store: %s", status_text(s.code));
}
