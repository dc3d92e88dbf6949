#!/usr/bin/env bash
# Starts a real OpenStack control plane on 127.0.0.1; README.md says what and why. It can be run again at any time: it
# installs missing packages, starts services that do not run, and restarts services whose configuration has changed.
set -euo pipefail
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
UV=${UV:-$PROJECT/.venv/bin/uv}
PYTHON=${OPENSTACK_PYTHON:-3.11}
export UV PYTHON
unset "${!OS_@}" # another cloud's settings would reach the services' own tools
export PATH=$VENV/bin:$PATH PYTHONWARNINGS=ignore PYTHONUNBUFFERED=1
unset PYTHONDONTWRITEBYTECODE

# ---------------------------------------------------------------- packages
has_debian_packages() { [ -x /usr/sbin/mariadbd ] && [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] && command -v curl >/dev/null; }

install_debian_packages() {
  local packages="mariadb-server-core mariadb-client-core rabbitmq-server curl" policy=/usr/sbin/policy-rc.d
  has_debian_packages && return 0
  command -v apt-get >/dev/null || fail "this needs MariaDB and RabbitMQ as Debian packages them; here is no apt-get"
  [ "$(id -u)" = 0 ] || fail "not root, so these packages have to be installed first: apt-get install --no-install-recommends $packages"
  say "installing $packages"
  # This script runs these programs itself: their packages must not start them as services, now or at boot.
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  # shellcheck disable=SC2086 # a list of words
  { timeout 120 apt-get update -q && DEBIAN_FRONTEND=noninteractive timeout 600 apt-get install -y -q --no-install-recommends $packages; } \
    >"$LOG/apt.log" 2>&1 9>&- || fail "apt-get; read $LOG/apt.log"
  [ ! -d /run/systemd/system ] || systemctl disable --quiet rabbitmq-server
  has_debian_packages || fail "the installed packages lack needed programs; read $LOG/apt.log"
}

install_python_packages() {
  [ -x "$UV" ] || fail "no $UV: run \`make install\` first, or set UV to a uv of yours"
  once "$BASE/.packages" "$(cat "$HERE/requirements.txt" "$HERE"/plugin/pyproject.toml "$HERE"/plugin/*/*.py | sha1sum)" \
    900 "$HERE/step.sh" packages
}

# ---------------------------------------------------------------- database and queue
start_mariadb() {
  once "$STATE/.mariadb" 1 120 "$HERE/step.sh" mariadb
  spawn mariadb mariadb /usr/sbin/mariadbd --defaults-file="$CONF/mariadb/my.cnf" --user="$(id -un)"
}

mariadb_answers() { mariadb --no-defaults -h127.0.0.1 -P"$MARIADB_PORT" -uos -p"$DATABASE_PASSWORD" -e 'select 1'; }

start_rabbitmq() {
  export ERL_EPMD_PORT=$EPMD_PORT ERL_EPMD_ADDRESS=127.0.0.1
  # Start Erlang's name server as our own process: if RabbitMQ started it, it would outlive RabbitMQ.
  spawn epmd rabbitmq /usr/bin/epmd -address 127.0.0.1 -port "$EPMD_PORT"
  wait_for 20 epmd port_open "$EPMD_PORT"
  spawn rabbitmq rabbitmq env HOME="$STATE/rabbitmq/home" RABBITMQ_NODENAME=hearth@localhost \
    RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$RABBITMQ_PORT" RABBITMQ_DIST_PORT="$RABBITMQ_DIST_PORT" \
    RABBITMQ_MNESIA_BASE="$STATE/rabbitmq" RABBITMQ_LOG_BASE="$LOG/rabbitmq" RABBITMQ_CONF_ENV_FILE=/nonexistent \
    RABBITMQ_CONFIG_FILE="$CONF/rabbitmq/rabbitmq" RABBITMQ_ENABLED_PLUGINS_FILE="$CONF/rabbitmq/enabled_plugins" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none" \
    /usr/lib/rabbitmq/bin/rabbitmq-server
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

# The port opens before RabbitMQ can serve; it is ready when it answers a wrong protocol version with the right one.
rabbitmq_answers() {
  printf 'AMQP\0\0\11\1' |
    timeout 2 bash -c "exec 3<>/dev/tcp/127.0.0.1/$RABBITMQ_PORT; cat >&3; head -c 4 <&3" | grep -q .
}

# ---------------------------------------------------------------- schemas
# schema <service> <key>
schema() { once "$STATE/.schema-$1" "$2" 240 "$HERE/step.sh" "$1"; }

# Four run at a time, so that long ones run beside sequences of short ones.
migrate() {
  local jobs=() job
  schema keystone "$RELEASE $ADDRESSES" & jobs+=($!)
  schema neutron "$RELEASE" & jobs+=($!)
  { schema placement "$RELEASE" && schema glance "$RELEASE" && schema heat "$RELEASE"; } & jobs+=($!)
  { schema nova "$RELEASE" && schema cinder "$RELEASE"; } & jobs+=($!)
  for job in "${jobs[@]}"; do wait "$job" || fail "a database could not be brought to its version"; done
}

# ---------------------------------------------------------------- services
# api <name> <configuration folder> <port> <WSGI module> <threads> [arguments of the service…]
api() {
  local name=$1 folder=$2 port=$3 module=$4 threads=$5
  shift 5
  spawn "$name" "$folder" "$VENV/bin/pyuwsgi" --ini "$CONF/uwsgi/uwsgi.ini" --http-socket "127.0.0.1:$port" \
    --module "$module:application" --threads "$threads" --procname-prefix "$name " ${1:+--pyargv "$*"}
}

# worker <name> <configuration folder> <configuration file>
worker() { spawn "$1" "$2" "$VENV/bin/$1" --config-file "$CONF/$2/$3"; }

http_answers() {
  local status
  status=$(curl --silent --output /dev/null --max-time 5 --write-out '%{http_code}' "http://127.0.0.1:$1") &&
    [ "$status" -lt 500 ]
}

bootstrap() { "$VENV/bin/python" "$HERE/bootstrap.py" "$@"; }

start_services() {
  OS_KEYSTONE_CONFIG_FILES=$CONF/keystone/keystone.conf OS_KEYSTONE_CONFIG_DIR=$CONF/keystone \
    api keystone keystone "$KEYSTONE_PORT" keystone.wsgi.api 8
  wait_for 60 keystone http_answers "$KEYSTONE_PORT/v3"
  once "$STATE/.identity" "$CONTENTS $ADDRESSES" 120 "$VENV/bin/python" "$HERE/bootstrap.py" identity

  OS_PLACEMENT_CONFIG_DIR=$CONF/placement api placement placement "$PLACEMENT_PORT" placement.wsgi.api 4
  OS_GLANCE_CONFIG_DIR=$CONF/glance api glance glance "$GLANCE_PORT" glance.wsgi.api 4
  OS_NOVA_CONFIG_DIR=$CONF/nova api nova-api nova "$NOVA_PORT" nova.wsgi.osapi_compute 8
  OS_NEUTRON_CONFIG_DIR=$CONF/neutron OS_NEUTRON_CONFIG_FILES="neutron.conf;ml2.ini" \
    api neutron neutron "$NEUTRON_PORT" neutron.wsgi.api 8
  worker nova-conductor nova nova.conf
  worker nova-scheduler nova nova.conf
  api cinder-api cinder "$CINDER_PORT" cinder.wsgi.api 4 --config-file "$CONF/cinder/cinder.conf"
  worker cinder-scheduler cinder cinder.conf
  worker cinder-volume cinder cinder.conf
  api heat-api heat "$HEAT_PORT" heat.wsgi.api 8 --config-file "$CONF/heat/heat.conf"
  api heat-api-cfn heat "$HEAT_CFN_PORT" heat.wsgi.cfn 2 --config-file "$CONF/heat/heat.conf"
  worker heat-engine heat heat.conf
  # nova-compute ends if it cannot register with Placement.
  wait_for 60 placement http_answers "$PLACEMENT_PORT/"
  worker nova-compute nova nova.conf
}

await_services() {
  wait_for 60 glance http_answers "$GLANCE_PORT/"
  wait_for 60 nova-api http_answers "$NOVA_PORT/"
  wait_for 60 neutron http_answers "$NEUTRON_PORT/"
  wait_for 60 cinder-api http_answers "$CINDER_PORT/"
  wait_for 60 heat-api http_answers "$HEAT_PORT/"
  wait_for 60 heat-api-cfn http_answers "$HEAT_CFN_PORT/"
  bootstrap ready --timeout-seconds 120 >"$LOG/ready.log" 2>&1 ||
    fail "$(tail -n 1 "$LOG/ready.log"); read the logs of these in $LOG"
}

# ---------------------------------------------------------------- the run
mkdir -p "$LOG" "$RUN" "$STATE"/{lock,images,nova,neutron,cinder,rabbitmq/home,fernet,receipts,credential}
chmod 700 "$STATE" # Keystone's keys are in there
trap 'fail "interrupted; what has started runs on until down.sh"' INT TERM
take_turn
install_debian_packages
install_python_packages

running=()
any_alive && running=(--running)
"$VENV/bin/python" "$HERE/configure.py" --base "$BASE" --venv "$VENV" "${running[@]}"
set -a
# shellcheck source=/dev/null
. "$BASE/cloud.env"
set +a
# The inputs of each step; a step runs again if they change.
RELEASE=$(cat "$BASE/.packages" "$HERE/step.sh" | sha1sum)
ADDRESSES=$(sha1sum <"$BASE/cloud.env")
CONTENTS=$(sha1sum <"$HERE/bootstrap.py")

start_rabbitmq
start_mariadb
wait_for 60 mariadb mariadb_answers
wait_for 60 rabbitmq rabbitmq_answers
say "database and queue are up"
migrate
start_services
await_services
once "$STATE/.discover" "$RELEASE" 60 "$VENV/bin/nova-manage" --config-file "$CONF/nova/nova.conf" cell_v2 discover_hosts
once "$STATE/.resources" "$CONTENTS" 120 "$VENV/bin/python" "$HERE/bootstrap.py" resources
[ -e "$BASE/clouds.yaml" ] || rm -f "$STATE/.clouds"
once "$STATE/.clouds" "$CONTENTS $ADDRESSES" 60 "$VENV/bin/python" "$HERE/bootstrap.py" clouds "$BASE/clouds.yaml"
say "HEALTHY: export OS_CLIENT_CONFIG_FILE=$BASE/clouds.yaml OS_CLOUD=demo"
