/* A plugin for the emulator qemu-aarch64 (user mode, plugin interface 1: versions 6 to 8): how often each block of
 * instructions ran, between marks that the program sets.
 *
 *     cc -O2 -shared -fPIC counting.c -o counting.so
 *     qemu-aarch64 -plugin ./counting.so,out=counts.txt program
 *
 * Marks are system calls, which cost the program next to nothing: getpriority(0, MARK + n) begins region n, n = 0 ends the
 * last one; inside a region, reading the clock begins its next part.  The file has a line "region n part" followed by
 * lines "number count" of the blocks that ran there, and at its end lines "block number address words".
 *
 * For programs of one thread: the counters are not atomic.  The interface is declared here, as few systems install a
 * header for it. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
typedef struct plugin_info {
    const char *target;
    struct { int least, current; } version;
    bool is_system;
    struct { int processors, most; } system;
} plugin_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void on_syscall(plugin_id, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int, void *, uint64_t);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id, on_syscall *);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

enum { ADD = 0, GETPRIORITY = 141, CLOCK_GETTIME = 113, MARK = 0x50520000 };

typedef struct block {
    uint64_t count, seen;                   /* since the start, and up to the last mark */
    uint64_t address;
    uint32_t words;
    uint32_t code[];
} block;

static block **blocks;
static size_t block_count, room;
static FILE *out;
static unsigned region, part;

static void on_block(plugin_id id, struct qemu_plugin_tb *tb) {
    size_t words = qemu_plugin_tb_n_insns(tb);
    block *b = calloc(1, sizeof *b + words * sizeof *b->code);
    (void)id;
    if (block_count == room) {
        room = room ? 2 * room : 4096;
        blocks = realloc(blocks, room * sizeof *blocks);
    }
    if (!b || !blocks) abort();
    b->address = qemu_plugin_tb_vaddr(tb);
    b->words = (uint32_t)words;
    for (size_t i = 0; i < words; i++) memcpy(&b->code[i], qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i)), 4);
    blocks[block_count++] = b;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD, &b->count, 1);
}

/* Ends the part: writes what ran in it, if it belongs to a region. */
static void end_part(void) {
    if (region) fprintf(out, "region %u %u\n", region, part);
    for (size_t i = 0; i < block_count; i++) {
        uint64_t ran = blocks[i]->count - blocks[i]->seen;
        blocks[i]->seen = blocks[i]->count;
        if (region && ran) fprintf(out, "%zu %" PRIu64 "\n", i, ran);
    }
    part++;
}

static void on_call(plugin_id id, unsigned cpu, int64_t number, uint64_t a, uint64_t who, uint64_t c, uint64_t d, uint64_t e,
                    uint64_t f, uint64_t g, uint64_t h) {
    (void)id, (void)cpu, (void)a, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number == GETPRIORITY && (uint32_t)who >> 16 == MARK >> 16) {
        end_part();
        region = (uint32_t)who & 0xffff;
        part = 0;
    } else if (number == CLOCK_GETTIME && region) end_part();
}

static void on_exit_of_program(plugin_id id, void *unused) {
    (void)id, (void)unused;
    if (region) end_part();
    for (size_t i = 0; i < block_count; i++) {
        fprintf(out, "block %zu %" PRIx64 " ", i, blocks[i]->address);
        for (uint32_t k = 0; k < blocks[i]->words; k++) fprintf(out, "%08" PRIx32, blocks[i]->code[k]);
        fputc('\n', out);
    }
    fclose(out);
}

EXPORT int qemu_plugin_install(plugin_id id, const plugin_info *info, int argc, char **argv) {
    if (strcmp(info->target, "aarch64") || argc < 1 || strncmp(argv[0], "out=", 4)) return -1;
    if (!(out = fopen(argv[0] + 4, "w"))) return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
    qemu_plugin_register_vcpu_syscall_cb(id, on_call);
    qemu_plugin_register_atexit_cb(id, on_exit_of_program, NULL);
    return 0;
}
