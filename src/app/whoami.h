/*
 * whoami.h - the machine and the user that a snapshot is made on and by.
 */
#ifndef HF_APP_WHOAMI_H
#define HF_APP_WHOAMI_H

struct whoami { /* what can't be found out stays empty */
    char host[256];
    char user[256];
};

int whoami_find(struct whoami *out);

#endif
