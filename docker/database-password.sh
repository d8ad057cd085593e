#!/bin/sh
# Makes, once, the password of the database of compose.yaml: for PostgreSQL, and as the URL that Wataki takes.
set -eu
umask 077
folder=${1:-/secrets}

if [ ! -e "$folder/database-url" ]; then
  password=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
  printf '%s\n' "$password" >"$folder/database-password"
  printf 'postgres://wataki:%s@postgres:5432/wataki\n' "$password" >"$folder/database-url.draft"
  sync "$folder/database-password" "$folder/database-url.draft"
  # Last, and whole: PostgreSQL starts after this one has ended, so that until now nobody has taken the password.
  mv "$folder/database-url.draft" "$folder/database-url"
fi
