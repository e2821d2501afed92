# mk/lint.mk - what is checked without running it. `make lint-NAME` runs one check alone.

LINTERS := layers names banned text links words format spelling cppcheck tidy

C_FILES := $(sort $(wildcard src/*/*.[ch] include/*.h fuzz/*.[ch] tests/harness/*.[ch] \
             tests/unit/*/*.[ch] tests/crash/*.[ch] tests/bench/*.[ch] \
             tests/tools/*.[ch] docs/examples/*.c))
PROSE   := $(wildcard *.md docs src include tests/*/*.md Makefile mk packaging)

# Checks must agree on every machine, so the formatter's version is fixed.
CLANG_FORMAT := $(shell command -v clang-format-14 || echo clang-format)

# lint NAME,COMMAND: runs it, and says how it ended.
lint = if $2; then echo 'lint: $1 ok'; else echo 'lint: $1 FAILED'; exit 1; fi

## Check without running

.PHONY: lint format $(addprefix lint-,$(LINTERS))
lint:   # layers, names, banned functions, links, words, format, spelling, cppcheck, clang-tidy
	@$(MAKE) -k -Otarget $(addprefix lint-,$(LINTERS))

format:   # applies .clang-format
	@$(call need,$(CLANG_FORMAT))
	@$(CLANG_FORMAT) -i $(C_FILES)

lint-layers lint-names lint-banned lint-text lint-links:
	@PYTHONDONTWRITEBYTECODE=1 tests/lint/$(@:lint-%=%)

lint-words:
	@$(call need,aspell)
	@PYTHONDONTWRITEBYTECODE=1 tests/lint/words

lint-format:
	@$(call need,$(CLANG_FORMAT))
	@$(CLANG_FORMAT) --version | grep -q 'version 14' || \
	    { echo '$(CLANG_FORMAT) is not version 14'; exit 1; }
	@$(call lint,format,$(CLANG_FORMAT) --dry-run --Werror $(C_FILES))

lint-spelling:
	@$(call need,codespell)
	@$(call lint,spelling,codespell --ignore-words=tests/lint/spelling.allow $(PROSE))

# readdir is safe while each thread has a DIR of its own; ctuuninitvar guesses across files.
CPPCHECK := cppcheck --quiet --std=c11 --library=posix --library=gnu -j $(JOBS) \
            --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
            --suppress=missingInclude --suppress=ctuuninitvar --suppress=readdirCalled \
            --template='{file}:{line}: {message} [{id}]'
lint-cppcheck:
	@$(call need,cppcheck)
	@mkdir -p $(BUILD)/cppcheck
	@$(call lint,cppcheck,$(CPPCHECK) --cppcheck-build-dir=$(BUILD)/cppcheck \
	    $(DEFINES) $(INCLUDES) $(LIB_SOURCES) $(APP_SOURCES) $(FUZZERS))

lint-tidy:
	@$(call need,clang-tidy)
	@$(call lint,tidy,printf '%s\n' $(LIB_SOURCES) $(APP_SOURCES) | \
	    xargs -P $(JOBS) -n 4 tests/lint/tidy -std=gnu11 $(DEFINES) $(INCLUDES) --)
