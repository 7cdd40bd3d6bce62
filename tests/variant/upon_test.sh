#!/bin/bash
# Runs in the guest.
set -e
test "$(greeting)" = hello
test -s /etc/upon
if command -v jq; then exit 1; fi
