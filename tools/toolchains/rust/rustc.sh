#!/bin/sh
# Starts rustc with one disambiguator for all crates. rules_rust hashes paths and labels into it, which are others in a
# module that depends on this one: symbols would have other names there, and programs other bytes. Names of crates are
# unique here. An action's PATH holds nothing: builtins alone.
arguments=
case "$1" in @*) arguments="${1#@}" ;; esac
if [ -n "$arguments" ]; then
  shift
  # Long command lines come in a file, an argument a line.
  while IFS= read -r argument; do set -- "$@" "$argument"; done < "$arguments"
fi
for argument; do
  shift
  case "$argument" in
    --codegen=metadata=*) argument=--codegen=metadata=sandbox-images ;;
  esac
  set -- "$@" "$argument"
done
exec "${0%/*}/rustc" "$@"
