# Installs missing Debian packages; sourced by the scripts beside it. Debian 12 and Ubuntu 24.04 have the same names.
#   install_packages PACKAGE...
install_packages() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "vitrine: these packages are missing and neither root nor sudo is at hand: ${missing[*]}" >&2; return 1; }
    root=(sudo)
  fi
  command -v apt-get >/dev/null || { echo "vitrine: no apt-get on this machine; install by hand what is missing: ${missing[*]}" >&2; return 1; }
  echo "installing: ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { "${root[@]}" apt-get update -q && "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -5 "$log" >&2
    echo "vitrine: the packages could not be installed (above: the end of what apt said)" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}
