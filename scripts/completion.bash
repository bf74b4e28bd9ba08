# SPDX-License-Identifier: GPL-2.0
#
# Completion of scripts/stack for bash: verbs, options, topics, bases, files.
#   . scripts/completion.bash       (in ~/.bashrc, with the path of your clone)
# Verbs and options are read from --help, so there is no list here to go stale.

shopt -s extglob

_stack() {
	local tool=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local repo words
	tool=${tool/#\~/$HOME}
	repo=$(dirname -- "$(dirname -- "$(readlink -f -- "$(type -P -- "$tool")")")")
	if [ "$COMP_CWORD" -eq 1 ]; then
		words=$("$tool" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z0-9-]*\)  .*/\1/p')
	elif [[ $prev == --@(base|from|to) ]]; then
		words=$(cd "$repo/patches" 2>/dev/null && printf '%s\n' */base.ini | cut -d/ -f1)
	elif [ "$prev" = --only ]; then
		words=$(cd "$repo/scripts/checks" 2>/dev/null && find . -maxdepth 1 -type f -perm -u+x -printf '%f\n')
	elif [[ $prev == --@(out|tree|with|compare-posting|output|merge) || $prev == -o ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	elif [[ $cur == -* ]]; then
		words=$("$tool" "${COMP_WORDS[1]}" --help 2>/dev/null | grep -o -- '--[a-z][a-z0-9-]*')
	else
		words=$(cd "$repo/patches" 2>/dev/null && printf '%s\n' */*/topic.ini | cut -d/ -f2)
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _stack stack scripts/stack ./scripts/stack
