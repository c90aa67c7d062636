#!/bin/sh
# headwater, with secrets from files: HEADWATER_SECRET_FILE=/run/secrets/word is
# HEADWATER_SECRET with what is in that file. Of these four, which may hold a secret:
set -eu
for name in HEADWATER_STORE HEADWATER_REDIS HEADWATER_SECRET HEADWATER_KEYS; do
  eval "file=\${${name}_FILE:-}"
  [ -n "$file" ] || continue
  if [ ! -r "$file" ]; then
    echo "${name}_FILE: $file cannot be read" >&2
    exit 2
  fi
  value=$(cat "$file")
  export "$name=$value"
  unset "${name}_FILE"
done
exec headwater "$@"
