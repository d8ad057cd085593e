#!/bin/sh
# The command line, with the settings of the server beside it: docker compose exec wataki wataki nodes
exec /app/docker/entrypoint.sh node /app/src/cli.ts "$@"
