# help.awk - prints "target  what it does" for every rule that has a comment behind it.
#
# A line `## Words` begins a section; `target: needs   # what it does` is a line of it.

/^## / { printf "\n%s\n", substr($0, 4) }

/^[a-z][a-z-]*( [a-z-]+)*:.*   # / {
    targets = $0; sub(/:.*/, "", targets)
    text = $0; sub(/^.*   # /, "", text)
    printf "  %-22s %s\n", targets, text
}
