/*
 * holdfast.pml - a model of how clients share a repository without a lock, for the checker `spin`.
 *
 * Every command is a process; the journal, the folder of segments and head/ are what they share.
 * What they do between two looks at it is one atomic step. The checker tries every order of these
 * steps, every request that fails, lands late or fails after it succeeded, and a loss of power at
 * every moment; after each step it asks whether the promises hold.
 *
 * A client that is killed is one whose next step never comes, so that every prefix of every command
 * is looked at, without a transition of its own; its restart is the next command of the scenario.
 *
 *   -DSCENARIO=name   who runs, on which history (at the end of this file)
 *   -DWITHOUT=RULE    leave out one rule: the checker must then find a promise broken
 *
 * docs/model.md says what is left out, which function implements which step, and tells the story of
 * what happens without each rule. tests/model/run checks all of it.
 */

/* The rules. Each can be left out alone. */

#define NO_RULE 0
/* of syncing: nothing is built on what may still vanish */
#define SYNC_DATA 1          /* a segment's bytes are synced before it gets its name */
#define SYNC_SEGMENTS 2      /* segments/ is synced before the entry that adopts */
#define SYNC_ENTRY 3         /* an entry's bytes are synced before it gets its name */
#define SYNC_JOURNAL 4       /* journal/ is synced before the head is raised */
#define SYNC_HEAD 5          /* head/ is synced before lower names go */
#define SETTLE 6             /* journal/ is synced before an entry follows a tip above the head */
#define SETTLE_SWEEP 7       /* and before anything is unlinked because of such a tip */
#define SETTLE_MEMORY 8      /* and such a tip is neither remembered nor cached */
#define HEAD_SYNCED 9        /* the head is raised to what was synced, not to what was seen */
/* of publishing */
#define NO_REPLACE 10        /* a number that is taken is never given away again */
#define READ_BACK 11         /* after an error the name is read back: its UUID says whose it is */
/* of validation, at the tip, as part of publishing */
#define RELIED 12            /* a commit: no segment that it relies on is condemned */
#define RELIED_BEFORE 13     /* ... not even one that was condemned before the commit's own view */
#define ADOPTED 14           /* no segment that an entry adopts is condemned */
#define PARENT 15            /* the parent whose pages were taken over unread is live */
#define PARENT_PARTIAL 16    /* ... or an unfinished run, and nothing was condemned after it */
#define OWN_PARTIAL 17       /* what its own unfinished entries adopted is relied on as well */
#define UNDELETE 18          /* an undelete: nothing was condemned since it looked */
#define MARK_COMMITS 19      /* a prune: what commits need that came meanwhile is kept too */
#define MARK_UNFORGETS 20    /* ... and what came back meanwhile */
#define CONDEMN_ANEW 21      /* ... and if others condemned meanwhile, all is computed anew */
/* of removal */
#define CONDEMNED_FIRST 22   /* prune unlinks nothing that no CONDEMN names, whoever left it */
#define AUTHOR_KEEPS 23      /* nor does the author of a segment, after a failure */
#define PUBLISHED_FIRST 24   /* the CONDEMN is published before anything is unlinked */
#define DEAD_FOR_EVER 25     /* a condemned segment never comes back, whoever adopts it later */
/* of copying */
#define COPY_FORWARD 26      /* what is alive in a condemned segment is elsewhere as well */
/* of rolling up */
#define ROLL_DURABLE 27      /* a roll-up is durable before what it covers is emptied */
#define ROLL_KEEPS_NAMES 28  /* an entry is emptied, not unlinked: its number stays taken */
#define ROLL_SETTLED 29      /* a roll-up covers entries at or below the head only */
/* of success without an entry */
#define SETTLE_UNCHANGED 30  /* journal/ is synced before "unchanged" is said because of a tip */

#ifndef WITHOUT
#define WITHOUT NO_RULE
#endif
#define rule(r) (WITHOUT != r)

/* What is shared */

#define SLOTS 8              /* entries that the journal has room for */
#define SEGMENTS 8
#define CHUNKS 3
#define BIT(n) (1 << (n))
#define A 1                  /* sets of chunks */
#define B 2
#define C 4
#define S(n) BIT(n)          /* a set of one segment */

#define NONE 0               /* kinds of entries */
#define COMMIT 1
#define PARTIAL 2            /* adopts what an unfinished run has stored */
#define FORGET 3
#define UNFORGET 4
#define CONDEMN 5

typedef entry {
    byte kind;
    byte uuid;               /* tells entries of different authors and attempts apart */
    byte adopts;             /* set of segments */
    byte condemns;           /* set of segments */
    byte chunks;             /* of a COMMIT or PARTIAL: all that it reaches */
    byte target                /* of a FORGET or UNFORGET: the number of the commit */
};

entry journal[SLOTS + 1];    /* by number, from 1; NONE: the number is free */
short synced = 0;            /* set of numbers whose name survives a loss of power */
short raw = 0;               /* set of numbers whose bytes were never synced */

byte holds[SEGMENTS];        /* the chunks of each segment; 0: it was never written */
byte named = 0;              /* set of segments that stand in segments/ */
byte kept = 0;               /* set of those whose name survives a loss of power */
byte unsynced_data = 0;      /* set of segments whose bytes were never synced */
byte torn = 0;               /* set of segments that lost their bytes */

short head = 0;              /* set of numbers that have a name in head/ ... */
short head_kept = 0;         /* ... and of those that have one after a loss of power */

entry late;                  /* a request to publish that may still land ... */
byte late_number = 0;        /* ... under this number; 0: there is none */
byte faults = 0;             /* requests that may still go wrong */
byte outages = 0;            /* losses of power that may still come */
bool power = true;           /* false: whoever ran before the loss of power runs no more */

byte rolled = 0;             /* the roll-up covers entries 1 to this number; 0: there is none */
bool roll_kept = false;      /* whether it survives a loss of power */
byte rolled_uuid = 0;        /* UUID of the last entry in it */
short emptied = 0;           /* set of numbers that are read from the roll-up */
short freed = 0;             /* set of those whose name is gone, without ROLL_KEEPS_NAMES */

/* What only the promises look at */

byte durable[SLOTS + 1];     /* UUID of the entry that was first made durable under each number */
short acked = 0;             /* set of numbers that were acknowledged */
byte remembered = 0;         /* a position that some client remembers: number ... */
byte remembered_uuid = 0;    /* ... and entry */

/*
 * Scratch of one step. Hidden, so not part of a state: used inside of d_step alone, where nothing
 * is chosen and nobody comes between.
 */

hidden byte i, k, t;
hidden short live, present, highest;
hidden byte adopted, condemned, condemned_since, homes, needed, twice;

/* The promises. Each is true until the moment before its assertion. */

hidden byte P1_acknowledged_entries_stay;
hidden byte P3_journal_has_no_gap;
hidden byte P3_entries_are_whole;
hidden byte P3_head_is_there;
hidden byte P3_head_is_not_above_the_durable_journal;
hidden byte P3_number_has_one_content;
hidden byte P3_segment_is_adopted_once;
hidden byte P3_absence_is_explained_by_a_condemn;
hidden byte P3_no_false_alarm_of_a_rollback;
hidden byte P6_live_snapshots_keep_their_chunks;

/* How the shared things are read */

#define taken(n) (journal[n].kind != NONE)
#define is_free(n) (!taken(n) || (freed & BIT(n)) || !rule(NO_REPLACE))
#define up_to(n) (BIT((n) + 1) - 2)     /* the set of numbers 1 to n */

/* The tip is found by asking for one number after the other until one is absent. */
inline find_tip(out)
{
    out = 0;
    do
    :: out < SLOTS && taken(out + 1) -> out = out + 1
    :: else -> break
    od
}

/* The highest number of a set; 0: it is empty. */
inline find_highest(set, out)
{
    out = 0;
    for (k : 1 .. SLOTS) {
        if
        :: (set) & BIT(k) -> out = k
        :: else
        fi
    }
}

/*
 * What entries 1 to n say: which segments are adopted, which condemned, and which of those after
 * number `since`; which commits live. Any client arrives at the same.
 */
inline derive(n, since)
{
    adopted = 0; condemned = 0; condemned_since = 0; live = 0;
    for (i : 1 .. n) {
        if
        :: !rule(DEAD_FOR_EVER) -> condemned = condemned & ~journal[i].adopts
        :: else
        fi;
        adopted = adopted | journal[i].adopts;
        condemned = condemned | journal[i].condemns;
        if
        :: i > since -> condemned_since = condemned_since | journal[i].condemns
        :: else
        fi;
        if
        :: journal[i].kind == COMMIT   -> live = live | BIT(i)
        :: journal[i].kind == FORGET   -> live = live & ~BIT(journal[i].target)
        :: journal[i].kind == UNFORGET -> live = live | BIT(journal[i].target)
        :: else
        fi
    }
}

/* The chunks that a set of segments holds. */
inline find_chunks(set, out)
{
    out = 0;
    for (k : 0 .. SEGMENTS - 1) {
        if
        :: (set) & BIT(k) -> out = out | holds[k]
        :: else
        fi
    }
}

/* The chunks that a set of commits, by number, needs. */
inline find_needs(set, out)
{
    out = 0;
    for (k : 1 .. SLOTS) {
        if
        :: (set) & BIT(k) -> out = out | journal[k].chunks
        :: else
        fi
    }
}

/*
 * All promises, asked after every step that could break one. They speak of what is on the disk,
 * not of what a client believes.
 */
inline promises()
{
    find_tip(t);
    present = 0;
    twice = 0;
    adopted = 0;
    P3_number_has_one_content = (rolled == 0 || !taken(rolled) ||
                                 journal[rolled].uuid == rolled_uuid);
    for (i : 1 .. SLOTS) {
        if
        :: taken(i) ->
            present = present | BIT(i);
            twice = twice | (adopted & journal[i].adopts);
            adopted = adopted | journal[i].adopts
        :: else
        fi;
        if
        :: taken(i) && durable[i] != 0 && durable[i] != journal[i].uuid ->
            P3_number_has_one_content = false
        :: else
        fi
    }
    assert(P3_number_has_one_content);
    P3_segment_is_adopted_once = (twice == 0);
    assert(P3_segment_is_adopted_once);
    P1_acknowledged_entries_stay = ((acked & ~present) == 0);
    assert(P1_acknowledged_entries_stay);
    P3_journal_has_no_gap = (present == up_to(t));
    assert(P3_journal_has_no_gap);
    P3_entries_are_whole = ((emptied & present) == 0 || rolled > 0) &&
                           (power || (raw & present) == 0);
    assert(P3_entries_are_whole);
    P3_head_is_there = (head != 0);
    assert(P3_head_is_there);
    find_highest(head, highest);
    P3_head_is_not_above_the_durable_journal = ((up_to(highest) & ~(synced & present)) == 0);
    assert(P3_head_is_not_above_the_durable_journal);
    P3_no_false_alarm_of_a_rollback =
        (remembered == 0 || journal[remembered].uuid == remembered_uuid);
    assert(P3_no_false_alarm_of_a_rollback);

    derive(t, 0);
    find_chunks(adopted & ~condemned & named & ~torn, homes);
    find_needs(live, needed);
    P6_live_snapshots_keep_their_chunks = ((needed & ~homes) == 0);
    assert(P6_live_snapshots_keep_their_chunks);
    P3_absence_is_explained_by_a_condemn = ((adopted & ~condemned & ~(named & ~torn)) == 0);
    assert(P3_absence_is_explained_by_a_condemn)
}

/* How they are changed: each of these is what one system call does, or a few in a row */

inline put(number, e)
{
    journal[number].kind = e.kind;
    journal[number].uuid = e.uuid;
    journal[number].adopts = e.adopts;
    journal[number].condemns = e.condemns;
    journal[number].chunks = e.chunks;
    journal[number].target = e.target
}

inline clear(e)
{
    e.kind = NONE; e.uuid = 0; e.adopts = 0; e.condemns = 0; e.chunks = 0; e.target = 0
}

/* From now on, and for ever, a number belongs to what it holds. */
inline sync_journal()
{
    for (k : 1 .. SLOTS) {
        if
        :: taken(k) ->
            synced = synced | BIT(k);
            durable[k] = (durable[k] == 0 -> journal[k].uuid : durable[k])
        :: else
        fi
    }
}

/* A segment of these chunks is written, synced and named; then segments/ is synced. */
inline write_segment(s, chunks)
{
    printf("- segment %x is written: chunks %x\n", BIT(s), chunks);
    holds[s] = chunks;
    named = named | BIT(s);
    unsynced_data = unsynced_data | (rule(SYNC_DATA) -> 0 : BIT(s));
    kept = kept | (rule(SYNC_SEGMENTS) -> named : 0)
}

inline unlink_segments(set)
{
    printf("- segments %x are unlinked\n", named & (set));
    named = named & ~(set);
    kept = kept & ~(set)
}

/* What a client remembers of the journal, to notice later that it was set back. */
inline remember(n)
{
    if
    :: outages > 0 && n > remembered -> remembered = n; remembered_uuid = journal[n].uuid
    :: else
    fi
}

/* Any subset of a set. All else that is left to chance is in look_up, publish and outage. */
inline choose_subset(set)
{
    do
    :: set & BIT(0) -> set = set & ~BIT(0)
    :: set & BIT(1) -> set = set & ~BIT(1)
    :: set & BIT(2) -> set = set & ~BIT(2)
    :: set & BIT(3) -> set = set & ~BIT(3)
    :: set & BIT(4) -> set = set & ~BIT(4)
    :: set & BIT(5) -> set = set & ~BIT(5)
    :: set & BIT(6) -> set = set & ~BIT(6)
    :: set & BIT(7) -> set = set & ~BIT(7)
    :: set & BIT(8) -> set = set & ~BIT(8)
    :: break
    od;
    skip
}

/* What every client does */

/*
 * Opening: the journal as it is now. It is remembered and cached only as far as it is known to be
 * durable, and the head is left alone: nothing was synced.
 */
inline open(view)
{
    doomed = power;
    find_tip(view);
    find_highest(head, highest);
    if
    :: highest >= view || !rule(SETTLE_MEMORY) -> remember(view)
    :: else
    fi;
    if
    :: highest < view && !rule(HEAD_SYNCED) ->
        head = head | BIT(view);
        head_kept = head;
        promises()
    :: else
    fi
}

/* The first half of publishing: read up to the tip, and make safe what is to be built on. */
inline follow_and_settle(tip)
{
    doomed = power;
    find_tip(tip);
    find_highest(head, highest);
    if
    :: highest < tip && rule(SETTLE) -> sync_journal()
    :: else
    fi
}

#define OURS 0        /* outcomes */
#define THEIRS 1
#define UNKNOWN 2
#define UNANSWERED 3  /* it happened, and was reported as a failure */

/* What `tests/model/run RULE` prints, like all that begins with a dash. */
inline tell_request()
{
    printf("- client %d asks for number %d: ", draft.uuid, tip + 1);
    if
    :: draft.kind == COMMIT   -> printf("COMMIT of chunks %x", draft.chunks)
    :: draft.kind == PARTIAL  -> printf("PARTIAL of chunks %x", draft.chunks)
    :: draft.kind == FORGET   -> printf("FORGET of commit %d", draft.target)
    :: draft.kind == UNFORGET -> printf("UNFORGET of commit %d", draft.target)
    :: draft.kind == CONDEMN  -> printf("CONDEMN of segments %x", draft.condemns)
    fi;
    if
    :: draft.adopts != 0 -> printf(", adopts segments %x", draft.adopts)
    :: else
    fi;
    if
    :: outcome == OURS       -> printf("; it gets it\n")
    :: outcome == THEIRS     -> printf("; it is taken\n")
    :: outcome == UNKNOWN    -> printf("; an error, and nobody has it\n")
    :: outcome == UNANSWERED -> printf("; it gets it, but is told of an error\n")
    fi
}

/*
 * The one act of coordination: the draft gets the number after the tip if that is free. The request
 * may fail after it succeeded, and may get lost, to land later or never. What is read back decides.
 */
inline publish()
{
    atomic {
        assert(tip < SLOTS);                   /* else the scenario is too large */
        if
        :: is_free(tip + 1) -> outcome = OURS
        :: !is_free(tip + 1) -> outcome = THEIRS
        :: is_free(tip + 1) && faults > 0 -> outcome = UNANSWERED
        :: is_free(tip + 1) && faults > 0 && late_number == 0 -> outcome = UNKNOWN
        fi;
        d_step {
            tell_request();
            if
            :: outcome == OURS || outcome == UNANSWERED ->
                put(tip + 1, draft);
                raw = raw | (rule(SYNC_ENTRY) -> 0 : BIT(tip + 1))
            :: outcome == UNKNOWN ->
                late_number = tip + 1;
                late.kind = draft.kind;
                late.uuid = draft.uuid;
                late.adopts = draft.adopts;
                late.condemns = draft.condemns;
                late.chunks = draft.chunks;
                late.target = draft.target
            :: else
            fi;
            faults = faults - (outcome >= UNKNOWN -> 1 : 0);
            outcome = (outcome == UNANSWERED -> (rule(READ_BACK) -> OURS : THEIRS) : outcome);
            promises()
        }
    }
}

/*
 * The second half: the name is made durable, the head is raised to it, and only then is success
 * reported. Lower names in head/ go last: before that the higher one might still vanish.
 */
inline acknowledge()
{
    d_step {
        tip = tip + 1;
        if
        :: rule(SYNC_JOURNAL) -> sync_journal()
        :: else
        fi
    }
    d_step {
        find_highest(head, highest);
        if
        :: highest < tip -> head = head | BIT(tip); top = tip
        :: else -> top = highest
        fi;
        promises()
    }
    d_step {
        if
        :: rule(SYNC_HEAD) -> head_kept = head
        :: else
        fi;
        acked = acked | BIT(tip);
        printf("- number %d is acknowledged\n", tip);
        remember(tip);
        promises()
    }
    d_step {
        head = head & ~(BIT(top) - 1);
        top = 0;
        promises()
    }
}

/* Backup */

#define is_home(s, chunk) ((index & BIT(s)) && (holds[s] & BIT(chunk)))

/*
 * One chunk is looked up in the index: any of its homes is the answer, even one that is condemned
 * already, for the index may be behind. A chunk without any that stands is stored.
 */
inline look_up(chunk)
{
    if
    :: !(wanted & BIT(chunk))
    :: (wanted & BIT(chunk)) && (absent & BIT(chunk)) -> fresh = fresh | BIT(chunk)
    :: (wanted & BIT(chunk)) && is_home(0, chunk) -> relied = relied | S(0)
    :: (wanted & BIT(chunk)) && is_home(1, chunk) -> relied = relied | S(1)
    :: (wanted & BIT(chunk)) && is_home(2, chunk) -> relied = relied | S(2)
    :: (wanted & BIT(chunk)) && is_home(3, chunk) -> relied = relied | S(3)
    :: (wanted & BIT(chunk)) && is_home(4, chunk) -> relied = relied | S(4)
    :: (wanted & BIT(chunk)) && is_home(5, chunk) -> relied = relied | S(5)
    :: (wanted & BIT(chunk)) && is_home(6, chunk) -> relied = relied | S(6)
    :: (wanted & BIT(chunk)) && is_home(7, chunk) -> relied = relied | S(7)
    fi
}

/* The newest live commit, or what an unfinished run has left if nothing was condemned after it. */
inline choose_parent()
{
    parent = 0;
    condemned_since = 0;
    i = view;
    do
    :: i == 0 || parent > 0 -> break
    :: else ->
        if
        :: live & BIT(i) -> parent = i
        :: journal[i].kind == PARTIAL && (condemned_since & adopted) == 0 -> parent = i
        :: else
        fi;
        condemned_since = condemned_since | journal[i].condemns;
        i = i - 1
    od
}

/* Whether this run may be published as the entry after the tip. */
inline validate_run()
{
    derive(tip, view);
    refused = rule(RELIED) &&
              (relied & (rule(RELIED_BEFORE) -> condemned : condemned_since)) != 0;
    refused = refused || (rule(ADOPTED) && rule(DEAD_FOR_EVER) && (own & condemned) != 0);
    if
    :: parent > 0 && journal[parent].kind == COMMIT ->
        refused = refused || (rule(PARENT) && !(live & BIT(parent)))
    :: parent > 0 && journal[parent].kind == PARTIAL ->
        derive(tip, parent);
        refused = refused || (rule(PARENT_PARTIAL) && (condemned_since & adopted) != 0)
    :: else
    fi
}

/*
 * Backs up `first`, makes that known as an unfinished run's (unless it is nothing), backs up
 * `rest`, and commits. With `inherits` it takes over a parent's pages unread. Segments `next` to
 * `last` are its own. With nothing to back up it says that the parent is as good as a commit, and
 * makes none: from then on that parent counts as acknowledged.
 */
proctype backup(byte uuid; byte first; byte rest; bool inherits; byte next; byte last)
{
    bool doomed, refused, half_done;
    byte view, tip, top, outcome;
    byte parent, reached;          /* what was taken over, or is in an unfinished entry */
    byte index, wanted, absent;    /* what is asked, for what; which of that has no home */
    byte relied, own, fresh;       /* segments, the first two */
    entry draft;

again:
    {
    skip;
    d_step {
        open(view);
        derive(view, 0);
        index = adopted;
        tip = view; relied = 0; half_done = false; parent = 0; reached = 0;
        if
        :: inherits -> choose_parent(); reached = journal[parent].chunks
        :: else
        fi
    }
    if
    :: (first | rest) == 0 ->
        d_step {
            if
            :: rule(SETTLE_UNCHANGED) -> sync_journal()
            :: else
            fi;
            acked = acked | (parent > 0 -> BIT(parent) : 0);
            printf("- client %d says that nothing has changed since commit %d\n", uuid, parent);
            promises()
        }
        goto done
    :: else
    fi;
store:
    atomic {
        d_step {
            derive(tip, 0);
            find_chunks(adopted & ~condemned, homes);
            index = adopted;
            draft.kind = (first != 0 && !half_done -> PARTIAL : COMMIT);
            draft.chunks = reached | first | (draft.kind == COMMIT -> rest : 0);
            wanted = draft.chunks & ~reached;
            absent = wanted & ~homes;
            fresh = 0
        }
        look_up(0); look_up(1); look_up(2);
        if
        :: fresh != 0 && next > last -> goto done      /* this scenario has no more for it */
        :: else
        fi;
        d_step {
            own = 0;
            if
            :: fresh != 0 ->
                write_segment(next, fresh);
                own = BIT(next);
                next = next + 1
            :: else
            fi;
            draft.adopts = own;
            printf("- client %d has looked up chunks %x at entry %d", uuid, wanted, tip);
            printf(": relies on segments %x, parent %d\n", relied, parent);
            index = 0; wanted = 0; absent = 0; fresh = 0
        }
    }
validate:
    atomic {
        d_step {
            follow_and_settle(tip);
            validate_run();
            draft.uuid = uuid
        }
        if
        :: refused && next <= last -> goto again       /* all over, from the state as it is now */
        :: refused && next > last -> goto done
        :: !refused
        fi
    }
    publish();
    if
    :: outcome == THEIRS -> goto validate
    :: outcome == UNKNOWN ->
        d_step {
            if
            :: rule(AUTHOR_KEEPS)
            :: else -> unlink_segments(own); promises()
            fi
        }
        goto done
    :: outcome == OURS
    fi;
    acknowledge();
    if
    :: draft.kind == PARTIAL ->
        d_step {
            reached = draft.chunks;
            half_done = true;
            relied = relied | (rule(OWN_PARTIAL) -> own : 0)
        }
        goto store
    :: else
    fi;
done:
    skip
    } unless { doomed && !power }
}

/* Forget and undelete */

proctype forget(byte uuid; byte target)
{
    bool doomed, refused;
    byte tip, top, outcome;
    entry draft;

validate:
    {
    atomic {
        d_step {
            follow_and_settle(tip);
            derive(tip, 0);
            refused = !(live & BIT(target));
            draft.kind = FORGET; draft.uuid = uuid; draft.target = target
        }
        if
        :: refused -> goto done
        :: else
        fi
    }
    publish();
    if
    :: outcome == THEIRS -> goto validate
    :: outcome == UNKNOWN -> goto done
    :: outcome == OURS
    fi;
    acknowledge();
done:
    skip
    } unless { doomed && !power }
}

/* Undoing looks at the chunks first and publishes then, so it looks again if any were condemned. */
proctype undelete(byte uuid; byte target)
{
    bool doomed, refused, stale;
    byte view, tip, top, outcome;
    entry draft;

look:
    {
    atomic {
        d_step {
            open(view);
            derive(view, 0);
            find_chunks(adopted & ~condemned, homes);
            refused = (live & BIT(target)) || (journal[target].chunks & ~homes);
            printf("- client %d has looked for the chunks of commit %d at entry %d\n", uuid,
                   target, view)
        }
        if
        :: refused -> goto done
        :: else
        fi
    }
validate:
    atomic {
        d_step {
            follow_and_settle(tip);
            derive(tip, view);
            refused = (live & BIT(target));
            stale = rule(UNDELETE) && (condemned_since & adopted);
            draft.kind = UNFORGET; draft.uuid = uuid; draft.target = target
        }
        if
        :: refused -> goto done
        :: !refused && stale -> goto look
        :: else
        fi
    }
    publish();
    if
    :: outcome == THEIRS -> goto validate
    :: outcome == UNKNOWN -> goto done
    :: outcome == OURS
    fi;
    acknowledge();
done:
    skip
    } unless { doomed && !power }
}

/* Prune */

/* The needs of what was committed, or came back, after the view and lives at the tip. */
inline mark_since()
{
    needed = 0;
    for (i : view + 1 .. tip) {
        if
        :: journal[i].kind == COMMIT && (live & BIT(i)) && rule(MARK_COMMITS) ->
            needed = needed | journal[i].chunks
        :: journal[i].kind == UNFORGET && (live & BIT(journal[i].target)) && rule(MARK_UNFORGETS) ->
            needed = needed | journal[journal[i].target].chunks
        :: else
        fi
    }
}

/* Takes out of the plan whatever holds a chunk that would have no other home. */
inline spare(lost)
{
    for (i : 0 .. SEGMENTS - 1) {
        if
        :: (plan & BIT(i)) && (holds[i] & (lost)) -> plan = plan & ~BIT(i)
        :: else
        fi
    }
}

/*
 * Condemns any set of segments, as if each policy of what is worth it had been thought of: adopted
 * ones, whose live chunks it copies first, and such as nobody has adopted. Neither what unfinished
 * runs have stored nor what was written a moment ago is spared: that is courtesy, not safety.
 */
proctype prune(byte uuid; byte next; byte last)
{
    bool doomed;
    bool stale;              /* what was marked, or copied, is void */
    byte view, tip, top, outcome;
    byte plan;               /* segments to be condemned */
    byte copy;               /* the segment of copies, as a set */
    byte missing;            /* what has to be copied */
    entry draft;

mark:
    {
    atomic {
        d_step {
            open(view);
            derive(view, 0);
            plan = (adopted | named) & ~condemned
        }
        choose_subset(plan);
        d_step {
            derive(view, 0);
            find_chunks(adopted & ~condemned & ~plan, homes);
            find_needs(live, needed);
            missing = needed & ~homes;
            copy = 0;
            printf("- client %d has marked at entry %d: segments %x are to go\n", uuid, view, plan)
        }
        if
        :: missing != 0 && next > last -> plan = 0     /* this scenario has no more for it */
        :: else
        fi;
        d_step {
            if
            :: plan != 0 && missing != 0 && rule(COPY_FORWARD) ->
                write_segment(next, missing);
                copy = BIT(next);
                next = next + 1
            :: else
            fi;
            missing = 0
        }
        if
        :: plan == 0 -> goto list
        :: else
        fi
    }
validate:
    atomic {
        d_step {
            follow_and_settle(tip);
            derive(tip, view);
            stale = (rule(CONDEMN_ANEW) && (condemned_since & adopted) != 0) ||
                    (rule(ADOPTED) && rule(DEAD_FOR_EVER) && (copy & condemned) != 0);
            if
            :: !stale ->
                mark_since();
                find_chunks((adopted & ~condemned & ~plan) | copy, homes);
                spare(needed & ~homes);
                view = tip;
                draft.kind = CONDEMN; draft.uuid = uuid;
                draft.adopts = copy; draft.condemns = plan
            :: else
            fi;
            if
            :: !stale && !rule(PUBLISHED_FIRST) -> unlink_segments(plan); promises()
            :: else
            fi
        }
        if
        :: stale -> goto mark
        :: !stale && plan == 0 -> goto list
        :: else
        fi
    }
    publish();
    if
    :: outcome == THEIRS -> goto validate
    :: outcome == UNKNOWN -> goto done
    :: outcome == OURS
    fi;
    acknowledge();

    /* Whatever is condemned goes, whoever condemned it: a list first, then one after the other. */
list:
    skip;
    d_step {
        doomed = power;
        copy = 0;
        find_tip(tip);
        find_highest(head, highest);
        if
        :: highest < tip && rule(SETTLE_SWEEP) -> sync_journal()
        :: else
        fi;
        derive(tip, 0);
        plan = named & (condemned | (rule(CONDEMNED_FIRST) -> 0 : ~adopted));
        printf("- client %d has found at entry %d: segments %x may be unlinked\n", uuid, tip, plan)
    }
    d_step { unlink_segments(plan); promises() }
done:
    skip
    } unless { doomed && !power }
}

/* Rolling up: entries 1 to the head in one file; what it covers becomes empty, under its name. */
proctype roll()
{
    bool doomed;
    byte tip;

    {
    d_step {
        doomed = power;
        find_tip(tip);
        find_highest(head, highest);
        rolled = (rule(ROLL_SETTLED) -> highest : tip);
        rolled_uuid = journal[rolled].uuid;
        roll_kept = rule(ROLL_DURABLE);
        printf("- a roll-up of entries 1 to %d is made\n", rolled)
    }
    d_step {
        emptied = up_to(rolled);
        printf("- entries 1 to %d are emptied\n", rolled);
        freed = (rule(ROLL_KEEPS_NAMES) -> 0 : emptied);
        promises()
    }
    } unless { doomed && !power }
}

/* What nobody asked for */

/* A request that was given up lands after all, if its number is still free. */
proctype network()
{
    do
    :: d_step {
        late_number > 0 ->
        if
        :: is_free(late_number) ->
            printf("- the request of client %d lands late, under number %d\n", late.uuid,
                   late_number)
        :: else
        fi;
        if
        :: is_free(late_number) -> put(late_number, late); promises()
        :: else
        fi;
        late_number = 0;
        clear(late)
    }
    od
}

/* Each name, given or taken away, that was not synced survives or does not. All clients stop. */
proctype outage()
{
    short numbers, heads;
    byte segments;

    atomic {
        d_step {
            outages > 0 ->
            outages = outages - 1;
            power = false;
            numbers = 0;
            for (i : 1 .. SLOTS) {
                numbers = numbers | (taken(i) && !(synced & BIT(i)) -> BIT(i) : 0)
            }
            heads = head ^ head_kept;
            segments = named & ~kept
        }
        choose_subset(numbers);
        choose_subset(heads);
        choose_subset(segments);
        if
        :: rolled > 0 && !roll_kept -> rolled = 0
        :: true
        fi;
        d_step {
            printf("- power is lost, and with it entries %x, names of segments %x, ", numbers,
                   segments);
            printf("changes of heads %x\n", heads);
            for (i : 1 .. SLOTS) {
                if
                :: numbers & BIT(i) -> clear(journal[i])
                :: else
                fi
            }
            emptied = emptied & ~numbers;
            head = head ^ heads;
            named = named & ~segments;
            torn = unsynced_data;
            head_kept = head;
            kept = named;
            sync_journal();
            numbers = 0; heads = 0; segments = 0;
            promises()
        }
    }
}

/* Scenarios */

inline was(number, what, set_of_segments, set_of_chunks, forgotten)
{
    journal[number].kind = what;
    journal[number].uuid = number;
    journal[number].adopts = set_of_segments;
    journal[number].chunks = set_of_chunks;
    journal[number].target = forgotten;
    head = BIT(number);
    sync_journal()
}

inline so_far()
{
    head_kept = head;
    kept = named;
    unsynced_data = 0;
    acked = synced
}

#define commit_meets_prune 1
#define two_prunes 2
#define undelete_meets_prunes 3
#define parent_is_forgotten 4
#define unfinished_run 5
#define unfinished_parent 6
#define lying_about 7
#define late_requests 8
#define power_is_lost 9
#define power_and_prune 10
#define rolling_up 11
#define nothing_has_changed 12

init
{
    atomic {
#if SCENARIO == commit_meets_prune
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        write_segment(1, B);
        was(2, COMMIT, S(1), B, 0);
        so_far();
        run forget(10, 1);
        run prune(20, 4, 5);
        run backup(30, 0, A, false, 2, 3)
#elif SCENARIO == two_prunes
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        write_segment(1, A | B);
        was(2, COMMIT, S(1), A | B, 0);
        so_far();
        run prune(10, 4, 5);
        run prune(20, 6, 7);
        run forget(30, 1)
#elif SCENARIO == undelete_meets_prunes
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        write_segment(1, B);
        was(2, COMMIT, S(1), B, 0);
        was(3, FORGET, 0, 0, 1);
        so_far();
        run undelete(10, 1);
        run prune(20, 4, 5);
        run prune(30, 6, 7)
#elif SCENARIO == parent_is_forgotten
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        so_far();
        run backup(10, 0, B, true, 2, 3);
        run forget(20, 1);
        run prune(30, 4, 5)
#elif SCENARIO == unfinished_run
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        so_far();
        run backup(10, B, C, true, 2, 5);
        run forget(20, 1);
        run prune(30, 6, 7)
#elif SCENARIO == unfinished_parent
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        write_segment(1, B);
        was(2, PARTIAL, S(1), A | B, 0);
        so_far();
        run backup(10, 0, C, true, 2, 4);
        run forget(20, 1);
        run prune(30, 6, 7)
#elif SCENARIO == lying_about
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        so_far();
        faults = 1;
        run backup(10, 0, B, false, 2, 3);
        run prune(20, 4, 5);
        run network()
#elif SCENARIO == late_requests
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        so_far();
        faults = 2;
        run backup(10, 0, B, false, 2, 3);
        run backup(20, 0, C, false, 4, 5);
        run forget(30, 1);
        run network()
#elif SCENARIO == power_is_lost
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        so_far();
        faults = 1;
        outages = 1;
        run backup(10, 0, B, false, 2, 3);
        run backup(20, 0, C, false, 4, 5);
        run network();
        run outage()
#elif SCENARIO == power_and_prune
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        write_segment(1, A | B);
        was(2, COMMIT, S(1), A | B, 0);
        so_far();
        outages = 1;
        run prune(10, 4, 5);
        run prune(20, 6, 7);
        run outage()
#elif SCENARIO == rolling_up
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        write_segment(1, B);
        was(2, COMMIT, S(1), B, 0);
        so_far();
        faults = 1;
        outages = 1;
        run forget(10, 1);
        run forget(20, 2);
        run roll();
        run network();
        run outage()
#elif SCENARIO == nothing_has_changed
        write_segment(0, A);
        was(1, COMMIT, S(0), A, 0);
        so_far();
        outages = 1;
        run backup(10, 0, B, false, 2, 3);
        run backup(20, 0, 0, true, 4, 4);
        run outage()
#else
#error "which scenario?"
#endif
    }
}
