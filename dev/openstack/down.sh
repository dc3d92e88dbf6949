#!/usr/bin/env bash
# Stops only what up.sh started. --purge also deletes the cloud's contents; the installed packages stay, so that the
# next start is quick (remove the whole folder to delete them too).
set -euo pipefail
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

case ${1:-} in
  '' | --purge) ;;
  *) fail "usage: down.sh [--purge]" ;;
esac
take_turn
services="heat-engine heat-api heat-api-cfn cinder-volume cinder-scheduler cinder-api nova-compute nova-scheduler nova-conductor
  nova-api neutron glance placement keystone"
# Each group is stopped after the one before: services need the queue and the database to shut down.
for group in "$services" "rabbitmq mariadb" "epmd"; do
  # shellcheck disable=SC2086 # a list of words
  stop $group
done
say "stopped"
if [ "${1:-}" = --purge ]; then
  rm -rf "$STATE" "$CONF" "$LOG" "$RUN" "$BASE/clouds.yaml" "$BASE/cloud.env"
  say "purged"
fi
