#!/bin/sh
# self_extracting.sh BUNDLE: BUNDLE/python as BUNDLE/../python.run, a script that unpacks it into a folder that appears when
# it is whole.
set -e
run=$1/../python.run
cat > "$run.part" <<'STUB'
#!/bin/sh
set -e
mkdir -p "$(dirname "$1")"
rm -rf "$1.part"
mkdir "$1.part"
sed '1,/^PAYLOAD$/d' "$0" | tar -xz -C "$1.part"
mv -T "$1.part" "$1"
exit 0
PAYLOAD
STUB
tar -cz -C "$1/python" . >> "$run.part"
mv "$run.part" "$run"
