#!/bin/sh
# unpack.sh ARCHIVE FOLDER: the folder appears when it is whole.
set -e
mkdir -p "$(dirname "$2")"
part=$(mktemp -d "$2.XXXXXX")
tar -xzf "$1" -C "$part"
mv -T "$part" "$2"
