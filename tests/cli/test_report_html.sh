#!/bin/bash
# test_report_html.sh - reports in a real browser: nothing sticks out and all can be read, on a
# phone and a desktop, by day, by night and in print. PAGES_SHOTS=folder keeps pictures of it.
pages=$(cd "$(dirname "$0")" && pwd)/pages.py
reports=${BUILD:-$(dirname "${HOLDFAST:?}")}/holdfast-reports
shots=${PAGES_SHOTS-}
. "$(dirname "$0")/lib.sh"

check "the hardest report is written in all forms" "$reports" hard.html hard.xml hard.txt
check "its XML is well-formed" python3 -c '
import sys, xml.dom.minidom
xml.dom.minidom.parse(sys.argv[1])' hard.xml
if ! command -v chromium >/dev/null; then
    echo "ok - pages in a browser # SKIP there is no chromium: make deps-ci installs it"
    finish
fi

# What the commands write, with what passes, fails and is not known.
new_repository
mkdir src
for i in 1 2; do
    echo "$i" >"src/$i"
    snapshot src --job web >/dev/null
    hf -q drill full --report drill.html --report drill.xml
done
cat >policy.ini <<'END'
[policy]
name = minimum
[gate newest]
type = newest_point
max_age = 24h
[gate drill]
type = drill
kind = full
max_age = 7d
[gate owner]
type = signoff
role = owner
max_age = 30d
[gate verified]
type = verified
percent = 100
max_age = 30d
END
run hf ready --policy policy.ini --report ready.html --report ready.xml
hf runbook -o runbook.html
check "a drill's page has its plots" grep -q '<svg' drill.html
check "the others are there" test -s ready.html -a -s runbook.html
check "their XML is well-formed" python3 -c '
import sys, xml.dom.minidom
for name in sys.argv[1:]:
    xml.dom.minidom.parse(name)' drill.xml ready.xml
run env TMPDIR="$work/tmp" timeout 120 "$pages" ${shots:+--shots "$shots"} hard.html drill.html \
    ready.html runbook.html
cat out
failures=$((failures + $(grep -c '^not ok' out)))
same "all were looked at in every way" "$status $(grep -c '^ok' out)" "0 24"

# That they would be found: each of these breaks the page, and one view or more says what.
# broken NAME REGEX SED: what shall be said of the page as SED changes it.
names=() regexes=()
broken() {
    names+=("$1")
    regexes+=("$2")
    sed -E "$3" hard.html >"broken${#names[@]}.html"
    ! cmp -s hard.html "broken${#names[@]}.html" || not_ok "$1" "the page was not changed"
}
broken "a page that is too wide" 'the page is [0-9]+ wide in a window of 360' \
    's/overflow-wrap:anywhere/overflow-wrap:normal/g'
broken "text that is too faint" 'contrast [0-9.]+ of dt' 's/--soft:#[0-9a-f]+/--soft:#8f979f/'
broken "text that is too faint by night" 'contrast [0-9.]+ of span.badge pass' \
    's/--pass:#83d9a4/--pass:#1f6a3c/'
broken "a picture without a title" 'a picture without a title' 's/<title id="plot[^<]*<\/title>//'
broken "a script" 'there is a script' 's/<main>/<main><script>x=1<\/script>/'
run env TMPDIR="$work/tmp" timeout 120 "$pages" broken?.html
for i in "${!names[@]}"; do
    check "${names[i]} is found" awk -v page="broken$((i + 1)):" -v what="${regexes[i]}" '
        /^(not )?ok - / { here = index($0, page) > 0 }
        here && $0 ~ what { found = 1 }
        END { exit !found }' out
done
finish
