"""Rule: a program for guests, whose architecture is checked and part of its type."""

load("//tools/elfcheck/private:guest_binary.bzl", _GuestBinaryInfo = "GuestBinaryInfo", _guest_binary = "guest_binary")

GuestBinaryInfo = _GuestBinaryInfo
guest_binary = _guest_binary
