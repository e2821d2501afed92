# mk/docs.mk - what is made of the program's own tables: man pages, completions, the manual.
#
#   $(BUILD)/man/*.1, *.5            `make man`
#   $(BUILD)/completions/*           `make completions`
#   docs/manual                      `make manual` writes the parts that are made of the tables anew
#   docs/pictures                    `make pictures` runs the program and draws what it says

COMMANDS    := $(shell sed -n 's/^COMMAND(\(.*\))/\1/p' src/app/commands.def)
MAN_PAGES   := $(BUILD)/man/holdfast.1 $(COMMANDS:%=$(BUILD)/man/holdfast-%.1) \
               $(BUILD)/man/holdfast.conf.5
COMPLETIONS := $(BUILD)/completions/holdfast.bash $(BUILD)/completions/_holdfast \
               $(BUILD)/completions/holdfast.fish

# made FORMAT: makes the target of what the program says with these arguments.
made = $(call run,GEN,mkdir -p $(@D) && $(BUILD)/holdfast help $1 >$@)

## Documents

.PHONY: man completions manual pictures
man: $(MAN_PAGES)   # man pages, in build/man
completions: $(COMPLETIONS)   # for bash, zsh, fish, in build/completions

$(BUILD)/man/holdfast.1: $(BUILD)/holdfast
	$(call made,--format man)
$(BUILD)/man/holdfast.conf.5: $(BUILD)/holdfast
	$(call made,--format man holdfast.conf)
$(BUILD)/man/holdfast-%.1: $(BUILD)/holdfast
	$(call made,--format man $*)
$(BUILD)/completions/holdfast.bash: $(BUILD)/holdfast
	$(call made,--completion bash)
$(BUILD)/completions/_holdfast: $(BUILD)/holdfast
	$(call made,--completion zsh)
$(BUILD)/completions/holdfast.fish: $(BUILD)/holdfast
	$(call made,--completion fish)

manual: $(BUILD)/holdfast   # docs/manual: its pages of commands, and the outputs that it shows
	@tests/tools/manual --write $(BUILD)/holdfast

pictures: $(BUILD)/holdfast   # docs/pictures, of real runs
	@tests/tools/picture $(BUILD)/holdfast docs/pictures/first-run.svg
