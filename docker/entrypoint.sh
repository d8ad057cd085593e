#!/bin/sh
# Makes the secret key once, where none is given, and becomes the command.
set -eu

if [ -z "${SECRET_KEY:-}" ] && [ -z "${SECRET_KEY_FILE:-}" ]; then
  export SECRET_KEY_FILE="${DATA_DIR:-/data}/secret.key"
  if [ ! -e "$SECRET_KEY_FILE" ]; then
    # Whole and on disk before it has its name, and of two that begin at once one wins: nothing is ever encrypted with
    # a key that is not there any more.
    draft=$(mktemp "$SECRET_KEY_FILE.XXXXXX")
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$draft"
    sync "$draft"
    ln "$draft" "$SECRET_KEY_FILE" 2>/dev/null || true
    rm -f "$draft"
    echo "Made $SECRET_KEY_FILE. Keep a copy: without it every phone has to be linked again." >&2
  fi
fi

exec "$@"
