#!/bin/bash
# test_quickstart.sh - the quick start works, tidies up, and fails when the program does not work.
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/lib.sh"

expect 0 "the quick start" bash "$project/docs/quickstart.sh"
prints "restores what there was" 'all 201 files are the same, bit for bit'
prints "drills" 'drill full: passed'
prints "finds a flipped bit" 'exit code 4: it was noticed'
same "ends in what to type next" "$(tail -n 1 out | grep -c 'holdfast help')" 1
same "and leaves nothing behind" "$(ls tmp | wc -l)" 0

# A program that restores nothing, and one that finds no damage.
cat >broken <<END
#!/bin/bash
case "\$1" in
restore) exit 0 ;;
esac
exec "$HOLDFAST" "\$@"
END
chmod +x broken
HOLDFAST=$work/broken expect 1 "a restore that does nothing is noticed" bash \
    "$project/docs/quickstart.sh"
says "by comparing" 'differs from what was backed up'
sed -i 's/^restore)/check)/' broken
HOLDFAST=$work/broken expect 1 "a check that finds nothing is noticed" bash \
    "$project/docs/quickstart.sh"
says "by its exit code" 'a flipped bit was not told'
sed -i 's/^check)/drill)/; s/exit 0 ;;/exit 5 ;;/' broken
HOLDFAST=$work/broken expect 1 "a drill that fails is noticed" bash "$project/docs/quickstart.sh"
says "and named" 'the drill did not pass'

finish
