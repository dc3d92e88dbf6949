# shellcheck shell=bash
# Shared by up.sh, down.sh and step.sh: paths, and the handling of our processes.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PROJECT=$(cd "$HERE/../.." && pwd)
BASE=${OPENSTACK_BASE:-$PROJECT/.local/openstack}
mkdir -p "$BASE"
BASE=$(cd "$BASE" && pwd)
VENV=$BASE/venv STATE=$BASE/state CONF=$BASE/conf LOG=$BASE/log RUN=$BASE/run
export BASE VENV STATE CONF LOG RUN

say() { printf '%s %4ss %s\n' "$(date +%T)" "$SECONDS" "$*"; }

fail() {
  printf '%s %4ss FAILED: %s\n' "$(date +%T)" "$SECONDS" "$*" >&2
  exit 1
}

# Runs of up.sh or down.sh on one folder wait for each other.
take_turn() {
  exec 9>"$BASE/lock"
  flock --wait 300 9 || fail "another up.sh or down.sh has been at work on $BASE for five minutes"
}

# ---------------------------------------------------------------- processes
# Each process leads a session, so that ending its group ends its children. run/<name>.pid has its id, its start time
# with the id of the boot, and a fingerprint of its configuration: the id alone may belong to another process by now,
# and that process must not get a signal.

boot_id() { cat /proc/sys/kernel/random/boot_id; }

# The start time of process $1 in clock ticks since boot; empty if it has ended.
start_ticks() { { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null || true; } | cut -d' ' -f20; }

recorded() { cut -d' ' -f"$2" "$RUN/$1.pid" 2>/dev/null; }

alive() {
  local pid ticks
  pid=$(recorded "$1" 1) || return 1
  ticks=$(start_ticks "$pid")
  [ -n "$ticks" ] && [ "$ticks" = "$(recorded "$1" 2)" ] && [ "$(boot_id)" = "$(recorded "$1" 3)" ]
}

any_alive() {
  local file
  for file in "$RUN"/*.pid; do
    [ -e "$file" ] && alive "$(basename "$file" .pid)" && return 0
  done
  return 1
}

# fingerprint <configuration folder>: changes with the configuration and with the installed packages.
fingerprint() {
  { cat "$BASE/.packages" && find "$CONF/$1" "$CONF/uwsgi" -type f -print0 | sort -z | xargs -0 cat; } |
    sha1sum | cut -c1-40
}

# spawn <name> <configuration folder> <command…>: starts it unless it runs with this configuration already.
spawn() {
  local name=$1 folder=$2 print
  shift 2
  print=$(fingerprint "$folder")
  if alive "$name"; then
    [ "$(recorded "$name" 4)" = "$print" ] && return 0
    say "restarting $name: its configuration changed"
    stop "$name"
  fi
  setsid "$@" >>"$LOG/$name.log" 2>&1 </dev/null 9>&- &
  echo "$! $(start_ticks $!) $(boot_id) $print" >"$RUN/$name.pid"
}

group_exists() { kill -0 -- "-$1" 2>/dev/null; }

# signal <signal> <name>: sends the signal to the process's group, if it is still ours.
signal() {
  local pid ticks
  pid=$(recorded "$2" 1) || return 0
  [ "$(boot_id)" = "$(recorded "$2" 3)" ] || return 0
  ticks=$(start_ticks "$pid")
  [ -z "$ticks" ] || [ "$ticks" = "$(recorded "$2" 2)" ] || return 0
  kill "-$1" -- "-$pid" 2>/dev/null || true
}

# stop <names…>: asks all processes to end, waits 15 s for each, then kills it.
stop() {
  local name pid end
  for name in "$@"; do signal TERM "$name"; done
  for name in "$@"; do
    pid=$(recorded "$name" 1) || continue
    end=$((SECONDS + 15))
    while group_exists "$pid" && [ "$SECONDS" -lt "$end" ]; do sleep 0.1; done
    signal KILL "$name"
    rm -f "$RUN/$name.pid"
  done
}

# wait_for <seconds> <name> <command…>: repeats the command until it succeeds; fails if the process ends or time is up.
wait_for() {
  local seconds=$1 name=$2 end=$((SECONDS + $1))
  shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$name" || fail "$name died; read $LOG/$name.log"
    [ "$SECONDS" -lt "$end" ] || fail "$name is not ready after $seconds s; read $LOG/$name.log"
    sleep 0.3
  done
}

# once <marker file> <key> <seconds> <command…>: runs it unless it succeeded before with the same key.
once() {
  local marker=$1 key=$2 seconds=$3 name
  name=$(basename "$marker")
  shift 3
  [ "$(cat "$marker" 2>/dev/null)" = "$key" ] && return 0
  timeout --foreground "$seconds" "$@" >"$LOG/${name#.}.log" 2>&1 9>&- ||
    fail "${name#.} (limit $seconds s); read $LOG/${name#.}.log"
  echo "$key" >"$marker"
  say "${name#.}: done"
}
