#!/bin/sh
# Makes the secrets that compose.yaml mounts, once; those that are there stay as they are.
#   deploy/make-secrets.sh [FOLDER]      (deploy/secrets)
# The folder is open to its owner only; the files in it are readable to the users in the
# containers, who see a file and not the folder.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

word() {
    od -An -v -N24 -tx1 /dev/urandom | tr -d ' \n'
}

keep() {
    [ -e "$1" ] && return
    # Whole or not there at all: a half password would be kept for ever.
    printf '%s' "$2" > ".$1.new"
    chmod 644 ".$1.new"
    mv ".$1.new" "$1"
    echo "made $folder/$1"
}

keep postgres_password "$(word)"
keep owner_password "$(word)"
keep login_password "$(word)"
keep s3_secret_key "$(word)"
keep owner_database_url "postgresql://recorder_owner:$(cat owner_password)@postgres:5432/recorder"
keep database_url "postgresql://recorder_web:$(cat login_password)@postgres:5432/recorder"
