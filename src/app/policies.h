/*
 * policies.h - the policies that "holdfast ready --init" can write: the files of docs/policies.
 */
#ifndef HF_APP_POLICIES_H
#define HF_APP_POLICIES_H

/* Their names, as "launch-day"; ends with a NULL. */
extern const char *const policies_names[];
/* What one is for; and the whole of its text. The name must be one of the above. */
const char *policies_means(const char *name);
const char *policies_text(const char *name);

#endif
