#!/bin/sh
# The secrets of compose.yaml, made once, by chance, in deploy/secrets. What is there stays.
#
#   sh deploy/make-secrets.sh          then keep site.key and admin.key where programs find them
#
# Files can be read by all, so that the user of a container can; the folder only by its owner.
set -eu
folder=${1:-$(dirname "$0")/secrets}
umask 022
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

word() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
hash() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }
keep() { [ -e "$1" ] || { printf %s "$2" > "$1"; echo "made $folder/$1"; }; }

keep postgres_password "$(word)"
keep store "postgresql://headwater:$(cat postgres_password)@postgres:5432/headwater"
keep secret "$(word)"
keep site.key "hw_$(word)"
keep admin.key "hw_$(word)"
chmod 600 site.key admin.key
keep keys "{\"site\": {\"hash\": \"$(hash "$(cat site.key)")\", \"role\": \"ingest\"},
 \"admin\": {\"hash\": \"$(hash "$(cat admin.key)")\", \"role\": \"admin\"}}
"
