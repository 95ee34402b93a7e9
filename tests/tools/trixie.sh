#!/usr/bin/env bash
# Debian 13's qBittorrent and Transmission in a folder of their own, for the tests; nothing of the machine is touched.
#
#   tests/tools/trixie.sh FOLDER [MIRROR]      # as root; without MIRROR the one that this machine's apt uses
#
# A folder that has both already is left as it is; one that was not finished is made anew.
set -euo pipefail
folder=$1
mirror=${2:-}
packages=(qbittorrent-nox transmission-daemon)
made=$folder/.made making=$folder/.making

fail() {
  echo "$1" >&2
  exit 1
}

say() {
  echo "$folder has$(printf ' %s' "$(cat "$made")"), $(du -sm "$folder" | cut -f1) MB. \`make test-trixie\` runs the tests with them."
}

[ -n "$folder" ] || fail "The folder is missing: trixie.sh FOLDER [MIRROR]"
if [ -e "$made" ]; then
  say
  exit 0
fi
[ "$(id -u)" -eq 0 ] || fail "debootstrap needs root: sudo make trixie"
command -v debootstrap >/dev/null || fail "debootstrap is missing; on Debian and Ubuntu: apt install debootstrap"
if [ -e "$folder" ] && [ ! -e "$making" ] && [ -n "$(ls -A "$folder")" ]; then
  fail "$folder is there and was not made by this; give another with TRIXIE=..."
fi
if [ -z "$mirror" ]; then
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' | head -n 1)
  [ -n "$mirror" ] || fail "This machine's apt has no Debian mirror; give one with MIRROR=..."
fi

echo "Installing ${packages[*]} of Debian 13 into $folder (about 75 MB from the mirror, 230 MB on the disk) ..."
rm -rf --one-file-system "$folder"
mkdir -p "$folder"
touch "$making"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
include=$(IFS=,; echo "${packages[*]}")
debootstrap --variant=minbase --include="$include" trixie "$folder" "$mirror" >"$log" 2>&1 || {
  tail -n 20 "$log" >&2
  fail "debootstrap failed; the next try begins anew."
}
rm -rf "$folder"/var/cache/apt/archives/* "$folder"/var/lib/apt/lists/*
chroot "$folder" dpkg-query -W -f '${Package} ${Version}, ' "${packages[@]}" | sed 's/, $//' >"$made.part"
mv "$made.part" "$made"
rm "$making"
say
