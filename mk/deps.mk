# mk/deps.mk - what must be installed: mk/deps holds the lists and knows how.

## What must be installed

.PHONY: deps deps-ci
deps:   # installs what building and testing need and is missing
	@mk/deps build test
deps-ci:   # the same, and what the other targets need (clang, linters, valgrind, ...)
	@mk/deps build test ci recipes

# need TOOL: fails with advice if it is not there.
need = command -v $1 >/dev/null || { echo "$1 is not installed; make deps-ci installs it"; exit 1; }
