#!/usr/bin/env bash
# One step of up.sh; it is a program of its own so that it can have a time limit:
#   step.sh packages     installs the Python packages and our drivers
#   step.sh mariadb      creates an empty database server; removes an incomplete one
#   step.sh <service>    updates the service's database to the installed version
# Each may be repeated.
set -euo pipefail
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

packages() {
  [ -x "$VENV/bin/python" ] || "$UV" venv --quiet --python "$PYTHON" "$VENV"
  "$UV" pip sync --compile-bytecode --python "$VENV/bin/python" "$HERE/requirements.txt"
  "$UV" pip install --no-deps --no-build-isolation --reinstall --python "$VENV/bin/python" "$HERE/plugin"
}

mariadb() {
  rm -rf "$STATE/mariadb"
  mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$STATE/mariadb" \
    --auth-root-authentication-method=normal --skip-test-db
}

manage() { "$1-manage" --config-file "$CONF/$2" "${@:3}"; }

keystone() {
  local address="http://127.0.0.1:$KEYSTONE_PORT/v3" owner group
  owner=$(id -un) group=$(id -gn)
  manage keystone keystone/keystone.conf db_sync
  manage keystone keystone/keystone.conf fernet_setup --keystone-user "$owner" --keystone-group "$group"
  manage keystone keystone/keystone.conf credential_setup --keystone-user "$owner" --keystone-group "$group"
  manage keystone keystone/keystone.conf bootstrap --bootstrap-password "$ADMIN_PASSWORD" \
    --bootstrap-region-id "$REGION" --bootstrap-public-url "$address" \
    --bootstrap-internal-url "$address" --bootstrap-admin-url "$address"
}

# The cells' addresses are templates that Nova fills from its configuration, so that they follow the ports.
nova() {
  local server='{scheme}://{username}:{password}@{hostname}:{port}'
  manage nova nova/nova.conf api_db sync
  manage nova nova/nova.conf cell_v2 map_cell0 --database_connection "$server/nova_cell0?{query}"
  manage nova nova/nova.conf cell_v2 create_cell --name cell1 --verbose \
    --database_connection "$server/{path}?{query}" --transport-url "$server/{path}" ||
    [ $? = 2 ] # 2: the cell is there
  manage nova nova/nova.conf db sync
}

neutron() {
  neutron-db-manage --config-file "$CONF/neutron/neutron.conf" --config-file "$CONF/neutron/ml2.ini" \
    upgrade heads
}

placement() { manage placement placement/placement.conf db sync; }

glance() { manage glance glance/glance-api.conf db_sync; }

heat() { manage heat heat/heat.conf db_sync; }

cinder() { manage cinder cinder/cinder.conf db sync; }

case ${1:-} in
  packages | mariadb | keystone | nova | neutron | placement | glance | heat | cinder) "$1" ;;
  *) fail "step.sh: no step '${1:-}'" ;;
esac
