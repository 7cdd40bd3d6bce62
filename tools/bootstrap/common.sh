# shellcheck shell=bash
# Helpers that `run` and `install` share. Sourced by bash.

# Prints one line of progress. Standard error: `bazel info` and `bazel query` are read by programs.
say() { printf 'bazelw: %s\n' "$*" >&2; }

die() {
  say "ERROR: $*"
  exit 2
}

# debian_mirror: prints the address of the Debian archive that this machine's apt uses for its
# base suite: $DEBIAN_MIRROR, or the first archive in apt's sources that Debian's own keyring signs
# and that is neither the security archive nor another vendor's.
debian_mirror() {
  if [[ -n "${DEBIAN_MIRROR:-}" ]]; then
    printf '%s\n' "${DEBIAN_MIRROR%/}"
    return
  fi
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [[ -r "$file" ]] || continue
    awk -v deb822="$([[ "$file" == *.sources ]] && echo 1)" '
      function wanted(uri, suite) {
        return uri ~ /^https?:/ && uri ~ /\/debian\/?$/ && suite !~ /security/
      }
      /^[ \t]*#/ { next }
      deb822 && tolower($1) == "uris:" { uri = $2 }
      deb822 && tolower($1) == "suites:" { suite = $2 }
      deb822 && uri != "" && suite != "" {
        if (wanted(uri, suite)) { print uri; exit }
        uri = suite = ""
      }
      !deb822 && $1 == "deb" {
        sub(/\[[^]]*\]/, "")
        if (wanted($2, $3)) { print $2; exit }
      }
    ' "$file"
  done | { read -r uri && printf '%s\n' "${uri%/}"; }
}
