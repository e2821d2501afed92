/*
 * doctor_folder.c - see doctor.h: a folder, its file system, and what is free there.
 */
#include "app/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/text.h"

#define MIB (UINT64_C(1) << 20)
#define SPACE_NEEDED (64 * MIB)
#define SPACE_WANTED (1024 * MIB)
#define PER_CENT_WANTED 5u
#define INODES_PER_CENT 2u

enum kind { KIND_DISK, KIND_NETWORK, KIND_MEMORY };

static const struct {
    uint32_t magic;
    const char *name;
    enum kind kind;
} kinds[] = {
    { 0xef53u, "ext4", KIND_DISK },        { 0x58465342u, "xfs", KIND_DISK },
    { 0x9123683eu, "btrfs", KIND_DISK },   { 0x2fc12fc1u, "zfs", KIND_DISK },
    { 0xf2f52010u, "f2fs", KIND_DISK },    { 0xca451a4eu, "bcachefs", KIND_DISK },
    { 0x794c7630u, "overlay", KIND_DISK }, { 0x4d44u, "vfat", KIND_DISK },
    { 0x2011bab0u, "exfat", KIND_DISK },   { 0x7366746eu, "ntfs3", KIND_DISK },
    { 0x6969u, "nfs", KIND_NETWORK },      { 0xfe534d42u, "smb", KIND_NETWORK },
    { 0xff534d42u, "cifs", KIND_NETWORK }, { 0x517bu, "smb", KIND_NETWORK },
    { 0x65735546u, "fuse", KIND_NETWORK }, { 0x01021997u, "9p", KIND_NETWORK },
    { 0x00c36400u, "ceph", KIND_NETWORK }, { 0x5346414fu, "afs", KIND_NETWORK },
    { 0x01021994u, "tmpfs", KIND_MEMORY }, { 0x858458f6u, "ramfs", KIND_MEMORY },
};

static const char *name_of(const struct statfs *st, enum kind *out_kind, char unknown[32])
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if ((uint32_t)st->f_type == kinds[i].magic) {
            *out_kind = kinds[i].kind;
            return kinds[i].name;
        }
    }
    *out_kind = KIND_DISK;
    snprintf(unknown, 32, "type 0x%x", (unsigned)st->f_type);
    return unknown;
}

static void look_at_kind(struct doctor *d, const char *what, const char *path)
{
    const struct doctor_about about = { what, path, NULL };
    const struct doctor_about memory = { what, path, "move it to a disk" };
    const struct doctor_about network = {
        what, path,
        "see that the server writes through (an NFS export without \"async\"), and that "
        "only \"hard\" mounts are used"
    };
    bool repository = strcmp(what, "repository") == 0;
    struct statfs st;
    char unknown[32];
    enum kind kind;
    const char *name;

    if (statfs(path, &st) != 0) {
        return;
    }
    name = name_of(&st, &kind, unknown);
    if (kind == KIND_MEMORY && repository) {
        doctor_say(d, DOCTOR_WARN, &memory, "%s: it is lost when the machine stops", name);
    } else if (kind == KIND_NETWORK && repository) {
        doctor_say(d, DOCTOR_WARN, &network,
                   "%s, a file system of the network: what is synced is "
                   "as durable as its server makes it",
                   name);
    } else if (kind == KIND_NETWORK) {
        doctor_say(d, DOCTOR_WARN, &memory, "%s: a file system of the network is slow for it",
                   name);
    } else {
        doctor_say(d, DOCTOR_OK, &about, "on %s", name);
    }
}

static void look_at_space(struct doctor *d, const char *what, const char *path)
{
    const struct doctor_about about = { what, path, NULL };
    const struct doctor_about full = { what, path,
                                       "\"holdfast forget\" and \"holdfast prune\", or "
                                       "a bigger disk" };
    struct statvfs v;
    char free_text[TEXT_SIZE_BYTES], all_text[TEXT_SIZE_BYTES];
    uint64_t available, all;
    enum doctor_state state;

    if (statvfs(path, &v) != 0) {
        return;
    }
    available = (uint64_t)v.f_bavail * v.f_frsize;
    all = (uint64_t)v.f_blocks * v.f_frsize;
    state = available < SPACE_NEEDED                                              ? DOCTOR_FAIL
            : available < SPACE_WANTED && available < all / 100 * PER_CENT_WANTED ? DOCTOR_WARN
                                                                                  : DOCTOR_OK;
    doctor_say(d, state, state == DOCTOR_OK ? &about : &full, "%s of %s are free",
               text_size(available, free_text), text_size(all, all_text));
    if (v.f_files > 0) { /* some file systems don't count them */
        state = v.f_favail == 0                                  ? DOCTOR_FAIL
                : v.f_favail / INODES_PER_CENT < v.f_files / 100 ? DOCTOR_WARN
                                                                 : DOCTOR_OK;
        doctor_say(d, state, state == DOCTOR_OK ? &about : &full, "%s of %s inodes are free",
                   text_count(v.f_favail, free_text), text_count(v.f_files, all_text));
    }
}

static void look_at_access(struct doctor *d, const char *what, const char *path,
                           const struct stat *st)
{
    const struct doctor_about denied = { what, path,
                                         "run it as who owns the folder, or give it "
                                         "away with chown" };
    const struct doctor_about open = { what, path, "chmod go-w" };
    const struct doctor_about about = { what, path, NULL };

    if (faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
        doctor_say(d, DOCTOR_FAIL, &denied,
                   errno == EROFS ? "it is mounted read-only" : "this user may not write there");
    } else if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        doctor_say(d, DOCTOR_WARN, &open, "mode %04o: others may write there",
                   (unsigned)st->st_mode & 07777u);
    } else {
        doctor_say(d, DOCTOR_OK, &about, "mode %04o, of user %ld, writable",
                   (unsigned)st->st_mode & 07777u, (long)st->st_uid);
    }
}

void doctor_folder(struct doctor *d, const char *what, const char *path)
{
    const struct doctor_about none = { what, path, NULL };
    struct stat st;

    if (stat(path, &st) != 0) {
        doctor_say(d, errno == ENOENT ? DOCTOR_OK : DOCTOR_FAIL, &none, "%s",
                   errno == ENOENT ? "it is not there yet; it is made when it is needed"
                                   : strerror(errno));
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        doctor_say(d, DOCTOR_FAIL, &none, "it is no folder");
        return;
    }
    look_at_access(d, what, path, &st);
    look_at_kind(d, what, path);
    look_at_space(d, what, path);
}
