#!/bin/bash
#
# test_lint.sh - each check finds what it is there for, with its file and line, and nothing else.
#
# A tiny tree without a fault is made, then one fault at a time is put into it.
set -uo pipefail

checks=$PWD/tests/lint
cd "$TMPDIR" || exit 1

# file PATH: makes a file of standard input, below the comment that every file begins with.
file() {
    mkdir -p "$(dirname "$1")"
    { printf '/*\n * %s - for a test.\n */\n' "$(basename "$1")"; cat; } >"$1"
}

fresh_tree() {
    rm -rf ./*
    mkdir -p tests/lint
    printf '# none\n' | tee tests/lint/names.allow >tests/lint/banned.allow
    file src/base/mem.h <<<'void *mem_alloc(unsigned size);'
    file src/io/disk.h <<<'#include "base/mem.h"'
    file src/io/disk.c <<<'#include "io/disk.h"'
    file src/format/page.h <<<'int page_size(int number);'
    file src/format/page.c <<<$'#include <stdio.h>\n#include <sodium.h>\n#include "format/page.h"'
    file src/store/log.h <<<$'#include "format/page.h"\n#include "io/disk.h"'
    file src/engine/run.h <<<'#include "store/log.h"'
    file src/app/main.c <<<'#include "engine/run.h"'
    for room in base io format store engine app; do
        mkdir -p src/$room
        { echo "# src/$room"; ls src/$room; } >src/$room/README.md.new
        mv src/$room/README.md.new src/$room/README.md
    done
}

# finds NAME CHECK TEXT: the check fails and says TEXT. Then the tree is made anew.
finds() {
    local out
    if out=$("$checks/$2" 2>&1) || ! grep -qF -- "$3" <<<"$out"; then
        printf 'not ok - %s\n# %s\n' "$1" "${out//$'\n'/$'\n# '}"
    else
        echo "ok - $1"
    fi
    fresh_tree
}

# passes NAME CHECK: the check finds nothing. Then the tree is made anew.
passes() {
    local out
    if out=$("$checks/$2" 2>&1) && [ "$out" = "lint: $2 ok" ]; then
        echo "ok - $1"
    else
        printf 'not ok - %s\n# %s\n' "$1" "${out//$'\n'/$'\n# '}"
    fi
    fresh_tree
}

fresh_tree
for check in layers names banned text links; do
    passes "$check finds nothing in a good tree" $check
done

file src/base/mem.c <<<'#include "io/disk.h"'
finds "a room may not look to its right" layers \
    'src/base/mem.c:4: base may not include "io/disk.h"'

file src/format/page.c <<<'#include "io/disk.h"'
finds "io and format don't know each other" layers 'format may not include "io/disk.h"'

file src/engine/run.c <<<'#include "app/main.h"'
finds "nobody includes app" layers 'engine may not include "app/main.h"'

file src/base/mem.c <<<'#include "mem.h"'
finds "headers are named by their room" layers 'src/base/mem.c:4: "mem.h"'

file src/base/a.h <<<'#include "base/b.h"'
file src/base/b.h <<<'#include "base/a.h"'
finds "an include cycle" layers 'src/base/a.h -> src/base/b.h -> src/base/a.h'

file src/store/other.c <<<'#include <sodium.h>'
finds "a library that two files include" layers \
    'src/store/other.c:4: <sodium.h>: src/format/page.c is the one file that includes libsodium'

file src/util/mem2.h <<<''
finds "a room that does not exist" layers "there is no room 'util'"

file src/format/page.h <<<$'struct page {\n    int (*read)(int);\n};\n\nint count(void);'
finds "a function without its file's name" names \
    'src/format/page.h:8: count should begin with page_'

file src/format/page.h <<'E'
static inline int helper(void)
{
    return 1;
}
struct x *page_new(int a, ...)
    __attribute__((format(printf, 1, 2)));
typedef int (*fn)(int);
#define call(x) foo(x)
extern int n;
E
passes "what is no function has any name" names

file src/format/page.h <<<'int leaf_count(void);'
echo "format/page.h leaf_" >>tests/lint/names.allow
passes "an exception that is listed" names

file src/io/page.h <<<''
echo page.h >>src/io/README.md
finds "two files of one name" names 'src/io/page.h:1: the name is taken by src/format/page.h'

echo 'int x;' >src/base/mem.h
finds "a file without its comment" names 'src/base/mem.h:1: should begin with a comment'

file src/io/more.c <<<''
finds "a file that its room's README does not mention" names \
    'src/io/README.md:1: does not mention more.c'

file src/io/disk.c <<<'void disk_x(char *a) { strcpy(a, "b"); }'
finds "a banned function" banned 'src/io/disk.c:4: strcpy'

file src/io/disk.c <<<'void disk_x(void) { x->free(1); my_free(2); /* free(3) */ y = "free(4)"; }'
passes "a banned name that is not a call" banned

file src/io/disk.c <<<'void disk_x(void *a) { free(a); }'
finds "memory that does not come from base/mem.h" banned 'src/io/disk.c:4: free'

file src/engine/run.c <<<'void run_x(void) { exit(1); }'
finds "an exit outside app" banned 'src/engine/run.c:4: exit'

file src/app/main.c <<<'void main_x(void) { exit(1); }'
passes "an exit in app" banned

file src/io/disk.c <<<$'int a;\tint b;'
finds "a tab" text 'src/io/disk.c:4: tab'

file src/io/disk.c <<<'int a; '
finds "a space at the end" text 'src/io/disk.c:4: space at the end of the line'

file src/io/disk.c <<<"/* $(printf 'wide %.0s' {1..20}) */"
finds "a line that is too long" text 'src/io/disk.c:4: more than 100 columns'

file src/io/disk.c <<<'/* TO''DO: everything */'
finds "work that is left" text 'src/io/disk.c:4: something was left to be done'

printf '# A title\n\n[there](docs/a.md#a-b) `[code](no)` [self](#a-title)\n' >README.md
mkdir -p docs
printf '# A *b*\n' >docs/a.md
passes "links to files and to headings that are there" links

echo '[here](docs/b.md)' >README.md
finds "a link to a file that is not there" links 'README.md:1: docs/b.md: there is no docs/b.md'

mkdir -p docs
echo '# Title' >docs/a.md
echo '[here](docs/a.md#titel)' >README.md
finds "a link to a heading that is not there" links 'docs/a.md#titel: there is no such heading'

if command -v aspell >/dev/null; then
    mkdir -p docs
    printf '# words\nholdfast\n' >docs/words
    printf 'The colour of holdfast, `qwzx`, HFSEAL and [a link](qwzx).\n' >README.md
    rm src/*/README.md
    passes "words of English, of the list, and in code" words

    mkdir -p docs
    echo '# words' >docs/words
    printf 'One\nqwzx\n' >README.md
    finds "a word that is none" words 'README.md:2: qwzx: is it a word?'
else
    echo "aspell is not installed, so nobody looks for words that are none" >&2
    echo "ok - words that are none # SKIP aspell is not installed"
fi
