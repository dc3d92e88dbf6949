#!/usr/bin/env bash
# Stops what up.sh started and nothing else. --purge drops the cloud's contents too; the installed packages
# stay, so that the next start is quick (remove the whole folder to be rid of them).
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
# Each group when the one before has ended: services put their work away with the help of queue and database.
for group in "$services" "rabbitmq mariadb" "epmd"; do
  # shellcheck disable=SC2086 # a list of words
  stop $group
done
say "stopped"
if [ "${1:-}" = --purge ]; then
  rm -rf "$STATE" "$CONF" "$LOG" "$RUN" "$BASE/clouds.yaml" "$BASE/cloud.env"
  say "purged"
fi
