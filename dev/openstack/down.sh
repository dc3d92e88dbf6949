#!/usr/bin/env bash
# Stops what up.sh started and nothing else. --purge drops the cloud's contents too; the installed packages
# stay, so that the next start is quick (remove the whole folder to be rid of them).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
  '' | --purge) ;;
  *) fail "usage: down.sh [--purge]" ;;
esac
take_turn
# Who depends on others goes first; the groups end one after another.
for group in \
  "heat-engine heat-api heat-api-cfn cinder-volume cinder-scheduler cinder-api nova-compute nova-scheduler nova-conductor" \
  "nova-api neutron glance placement keystone" \
  "rabbitmq mariadb" \
  "epmd"; do
  # shellcheck disable=SC2086 # a list of words
  stop $group
done
say "stopped"
if [ "${1:-}" = --purge ]; then
  rm -rf "$STATE" "$CONF" "$LOG" "$RUN" "$BASE/clouds.yaml" "$BASE/cloud.env"
  say "purged"
fi
