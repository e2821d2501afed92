/*
 * entry_internal.h - the tables of an entry's fixed structures, and what its parts share.
 */
#ifndef HF_FORMAT_ENTRY_INTERNAL_H
#define HF_FORMAT_ENTRY_INTERNAL_H

#include "format/entry.h"
#include "format/layout.h"

#define ENTRY_ITEM_HEAD_BYTES 8u
#define ENTRY_ADOPT_BYTES 56u
#define ENTRY_INIT_BYTES 160u
#define ENTRY_LIST_HEAD_BYTES 12u   /* of FORGET, UNFORGET; a CONDEMN has its count alone */
#define ENTRY_KIND_HEAD_BYTES 4u    /* of KEY, EVENT: their kind */
#define ENTRY_SEALED_HEAD_BYTES 28u /* domain, nonce */
#define ENTRY_MAY_SKIP 0x8000u

extern const struct layout entry_seal_layout;
extern const struct layout entry_adopt_layout;
extern const struct layout entry_init_layout;

/* A name for each type of item, "unknown" for others. */
const char *entry_item_name(uint64_t type);
/* HF_EDAMAGE or HF_ENEWER about byte `at` of an item: "COMMIT item: WHY (offset AT)". */
int entry_item_raise(int code, uint64_t type, size_t at, const char *why);

#endif
