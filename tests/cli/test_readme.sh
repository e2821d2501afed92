#!/bin/bash
# test_readme.sh - every command that README.md shows in a block of sh works as it stands.
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/lib.sh"

mkdir -p home/documents home/photos bin
echo 'a letter' >home/documents/letter.txt
echo picture >home/photos/1.jpg
printf '#!/bin/sh\nexec true\n' >bin/logger
chmod +x bin/logger
ln -s "$HOLDFAST" bin/holdfast
export PATH=$work/bin:$PATH

# One shell runs all lines, so that what one sets up is there for the next.
awk '/^```/ { inside = ($0 == "```sh") && !inside; next } inside { print NR "\t" $0 }' \
    "$project/README.md" >lines
{
    echo "set -o pipefail"
    while IFS=$'\t' read -r number line; do
        printf '%s\n' "$line"
        printf 'echo "$? %s" >>%s/results\n' "$number" "$work"
    done <lines
} >script
bash script >out 2>err </dev/null
if [ "$(wc -l <lines)" -gt 25 ]; then ok "README.md shows commands"; else not_ok \
    "README.md shows commands"; fi
while IFS=$'\t' read -r number line; do
    same "line $number: $line" "$(grep " $number\$" results)" "0 $number"
done <lines

# What it links to is there.
grep -oE '\]\([^)#]+\)' "$project/README.md" | sed 's/^](//; s/)$//' | grep -v '^https*:' | sort \
    -u >links
while read -r link; do
    check "$link is there" test -e "$project/$link"
done <links

finish
