#!/bin/bash
# Creates the users of users.txt beside this script. Each line is NAME,UID,HOME. A user or an ID that exists is left alone, so
# that the script can run again.
set -euo pipefail

list="$(dirname "${BASH_SOURCE[0]}")/users.txt"
while IFS=, read -r name uid home; do
    [[ -n "$name" ]] || continue
    if id -u "$name" >/dev/null 2>&1; then
        echo "user $name exists"
    elif getent passwd "$uid" >/dev/null 2>&1; then
        echo "the ID $uid of $name is taken" >&2
        exit 1
    else
        mkdir -p "$(dirname "$home")"
        useradd --create-home --uid "$uid" --home-dir "$home" --shell /bin/bash "$name"
        echo "user $name created with ID $uid and home $home"
    fi
done <"$list"
