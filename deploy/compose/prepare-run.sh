#!/bin/sh
# HAProxy does not start without its map files. Only the missing ones are made: they say who serves, and outlive everything.
# The release that serves at first must be told, or nobody could name it when a promotion is taken back.
# Usage: prepare-run.sh <folder> <service> <stable slot> <its release> [<uid>:<gid>]
set -eu
run=$1 service=$2 slot=$3 release=$4 owner=${5-}
mkdir -p "$run"
[ -e "$run/stable.map" ] || echo "$service $slot" > "$run/stable.map"
[ -e "$run/releases.map" ] || echo "$service/$slot $release" > "$run/releases.map"
for file in ramps.map routes.map leases.map revoked.map ramp-info.map hosts.map paths.map pin-src.acl; do
  [ -e "$run/$file" ] || : > "$run/$file"
done
if [ -n "$owner" ]; then chown -R "$owner" "$run"; fi
