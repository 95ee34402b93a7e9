#!/usr/bin/env bash
# A newcomer's first run: `make run` in CLONE, wait until it says that it is ready, ask it something, press Ctrl-C.
#   tests/newcomer.sh CLONE
set -euo pipefail
cd "$1"
data=$(mktemp -d)
out=$(mktemp)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

# Job control gives the run a process group of its own, so that Ctrl-C can be sent as a terminal would.
set -m
make run DATA="$data" PORT="$port" >"$out" 2>&1 &
run=$!
set +m
finish() {
  kill -INT -- "-$run" 2>/dev/null || true
  wait "$run" 2>/dev/null || true
  rm -rf "$data" "$out"
}
trap finish EXIT

deadline=$((SECONDS + 600))
until curl -sf -o /dev/null "http://127.0.0.1:$port/ready"; do
  if ! kill -0 "$run" 2>/dev/null || [ $SECONDS -gt $deadline ]; then
    echo "make run did not become ready; it printed:"
    cat "$out"
    exit 1
  fi
  sleep 0.5
done
echo "ready after $SECONDS s"
key=$(cat "$data/api-key")
curl -sf -H "X-API-Key: $key" "http://127.0.0.1:$port/api/v1/queue" >/dev/null
[ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/api/v1/queue")" = 401 ]

# The tour's commands, as README gives them.
export SLUICE_DATA=$data
.venv/bin/sluice queue
.venv/bin/sluice clients
.venv/bin/sluice libraries
.venv/bin/sluice media add "Some Show" --kind series
.venv/bin/sluice media list
.venv/bin/sluice imports
.venv/bin/sluice history
unset SLUICE_DATA

stopping=$SECONDS
kill -INT -- "-$run"
wait "$run" && code=0 || code=$?
cat "$out"
echo "stopped in $((SECONDS - stopping)) s with exit code $code"
[ $((SECONDS - stopping)) -lt 10 ]
if pgrep -u "$(id -u)" -f "$data" >/dev/null; then
  echo "something was left running:"
  pgrep -u "$(id -u)" -af "$data"
  exit 1
fi
