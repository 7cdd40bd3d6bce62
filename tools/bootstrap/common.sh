# shellcheck shell=bash
# Helpers that `run` and `install` share. Sourced by bash.

# Prints one line of progress. Standard error: `bazel info` and `bazel query` are read by programs.
say() { printf 'bazelw: %s\n' "$*" >&2; }

die() {
  say "ERROR: $*"
  exit 2
}

# debian_mirror [FOLDER]: prints the address of a Debian archive: $DEBIAN_MIRROR, or the first one in apt's sources
# (below FOLDER, by default /etc/apt) that is neither the security archive nor another vendor's. Fails where there is none.
# shellcheck disable=SC2120  # Its argument is for the tests.
debian_mirror() {
  if [[ -n "${DEBIAN_MIRROR:-}" ]]; then
    printf '%s\n' "${DEBIAN_MIRROR%/}"
    return
  fi
  local folder="${1:-/etc/apt}" file
  for file in "$folder/sources.list" "$folder"/sources.list.d/*.list "$folder"/sources.list.d/*.sources; do
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
