#!/bin/sh
# Makes what compose.yaml wants beside itself: .env, sluice.yaml, random passwords, directories for state.
#   ./setup.sh DATA-DIRECTORY     the one directory that holds both downloads and media
# What is there stays as it is, so that it can be run again at any time.
set -eu
data=${1:-}
[ -z "$data" ] || data=$(cd "$data" && pwd)
cd "$(dirname "$0")"
if [ ! -e .env ] && [ -z "$data" ]; then
  echo "which directory holds downloads and media? ./setup.sh DATA-DIRECTORY" >&2
  exit 2
fi
case $data in
*\'*)
  # .env holds it in single quotes, in which there is no way to write one.
  echo "a ' in the path of the data directory cannot be written into .env: $data" >&2
  exit 2
  ;;
esac
umask 077

if [ "$(id -u)" -eq 0 ]; then
  : "${PUID:=${SUDO_UID:-1000}}" "${PGID:=${SUDO_GID:-1000}}"
else
  : "${PUID:=$(id -u)}" "${PGID:=$(id -g)}"
fi

# ours FILE MODE: writes standard input to a file that is not there yet.
ours() {
  if [ -e "$1" ]; then
    cat >/dev/null
    echo "$1 stays as it is"
    return
  fi
  cat >"$1.new"
  chmod "$2" "$1.new"
  mv "$1.new" "$1"
  [ "$(id -u)" -ne 0 ] || chown "$PUID:$PGID" "$1"
  echo "$1 was made"
}

# directory DIRECTORY: makes it, for nobody else to look into.
directory() {
  [ -d "$1" ] || { mkdir "$1"; [ "$(id -u)" -ne 0 ] || chown "$PUID:$PGID" "$1"; }
}

password() { od -An -vtx1 -N24 /dev/urandom | tr -d ' \n'; }

for name in secrets secrets/clients state state/gateway state/nats state/postgres; do directory "$name"; done
password | ours secrets/nats-password 400
# Other containers' own accounts read these two; on this machine the directory is closed to everybody else.
password | ours secrets/postgres-password 444
password | ours secrets/grafana-password 444
ours sluice.yaml 600 <sluice.example.yaml

zone=${TZ:-$(cat /etc/timezone 2>/dev/null || echo UTC)}
ours .env 600 <<END
# Whose files these are: the account of your download clients, or one that shares a group with it.
PUID=$PUID
PGID=$PGID
# 002 where the group shall be able to write in the library.
UMASK=${UMASK:-022}
TZ=$zone
# Downloads and media, as one directory: hardlinks do not cross mounts.
DATA='$data'
# 0.0.0.0 opens the API to the network.
LISTEN=127.0.0.1
PORT=8420
END
