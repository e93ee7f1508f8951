#include "access/pattern.h"

enum { ATOMS_MAX = 2048 };

/* One place of a pattern: a literal byte, any one, or any run. */
enum { ATOM_ANY_ONE = 256, ATOM_ANY_RUN = 257 };

struct atoms {
    uint16_t items[ATOMS_MAX];
    size_t count;
    bool broken; /* too long, or a variable without a value */
};

static void atom_add(struct atoms *atoms, unsigned atom) {
    if (atoms->count == ATOMS_MAX) {
        atoms->broken = true;
        return;
    }
    atoms->items[atoms->count++] = (uint16_t)atom;
}

static void literal_add(struct atoms *atoms, struct slice text) {
    for (size_t i = 0; i < text.len; i++) atom_add(atoms, (unsigned char)text.ptr[i]);
}

/* Splits «name, 'default'»; false where there is no default. */
static bool split_default(struct slice inside, struct slice *ret_name, struct slice *ret_default) {
    struct slice rest;
    if (!slice_cut(inside, ',', ret_name, &rest)) return false;
    rest = slice_trim(rest);
    if (rest.len < 2 || rest.ptr[0] != '\'' || rest.ptr[rest.len - 1] != '\'') return false;
    *ret_default = slice_of(rest.ptr + 1, rest.len - 2);
    return true;
}

static void variable_add(struct atoms *atoms, struct slice inside,
                         const struct policy_facts *facts) {
    if (inside.len == 1 && strchr("*?$", inside.ptr[0]) != NULL) {
        atom_add(atoms, (unsigned char)inside.ptr[0]);
        return;
    }
    struct slice name;
    struct slice fallback = {0};
    bool has_default = split_default(inside, &name, &fallback);
    struct policy_values values;
    if (facts != NULL && facts->find(facts, slice_trim(name), &values) && values.count == 1) {
        literal_add(atoms, values.items[0]);
    } else if (has_default) {
        literal_add(atoms, fallback);
    } else {
        atoms->broken = true;
    }
}

/* Takes one character or variable of the pattern; returns how many bytes it took. */
static size_t atom_take(struct atoms *atoms, struct slice pattern, struct pattern_mode mode,
                        const struct policy_facts *facts) {
    char c = pattern.ptr[0];
    if (mode.variables && c == '$' && pattern.len > 1 && pattern.ptr[1] == '{') {
        size_t end = slice_find_char(pattern, '}');
        if (end < pattern.len) {
            variable_add(atoms, slice_of(pattern.ptr + 2, end - 2), facts);
            return end + 1;
        }
    }
    if (mode.wildcards && c == '*') {
        atom_add(atoms, ATOM_ANY_RUN);
    } else if (mode.wildcards && c == '?') {
        atom_add(atoms, ATOM_ANY_ONE);
    } else {
        atom_add(atoms, (unsigned char)c);
    }
    return 1;
}

static unsigned lowered(unsigned c) {
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool atom_fits(unsigned atom, unsigned char c, bool ignore_case) {
    if (atom == ATOM_ANY_ONE) return true;
    return ignore_case ? lowered(atom) == lowered(c) : atom == c;
}

/* Greedy, going back to the last run only: at most atoms times bytes steps. */
static bool atoms_match(const struct atoms *atoms, struct slice text, bool ignore_case) {
    size_t a = 0;
    size_t t = 0;
    size_t run = SIZE_MAX;
    size_t run_text = 0;
    while (t < text.len) {
        if (a < atoms->count && atoms->items[a] == ATOM_ANY_RUN) {
            run = a++;
            run_text = t;
        } else if (a < atoms->count &&
                   atom_fits(atoms->items[a], (unsigned char)text.ptr[t], ignore_case)) {
            a++;
            t++;
        } else if (run != SIZE_MAX) {
            a = run + 1;
            t = ++run_text;
        } else {
            return false;
        }
    }
    while (a < atoms->count && atoms->items[a] == ATOM_ANY_RUN) a++;
    return a == atoms->count;
}

bool pattern_matches(struct slice pattern, struct slice text, struct pattern_mode mode,
                     const struct policy_facts *facts) {
    if (mode.wildcards && slice_eq(pattern, SLICE("*"))) return true;
    struct atoms atoms;
    atoms.count = 0;
    atoms.broken = false;
    while (pattern.len > 0) {
        pattern = slice_skip(pattern, atom_take(&atoms, pattern, mode, facts));
    }
    return !atoms.broken && atoms_match(&atoms, text, mode.ignore_case);
}
