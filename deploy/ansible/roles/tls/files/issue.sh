#!/bin/sh
# issue.sh FOLDER NAME SUBJECT_ALT_NAMES: NAME.key and NAME.crt in the folder, signed by the lab's own authority (ca.key,
# ca.crt), which is made at first use. Says what it made; nothing where all is there, of
# this authority, for these names, for a month yet.
set -e
umask 077
mkdir -p "$1"
cd "$1"
said_why() {
    [ "$1" -eq 0 ] || { echo "making certificates failed; openssl says:" && cat openssl.log; } >&2
}
trap 'said_why $?' EXIT
key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
if [ ! -e ca.crt ]; then
    openssl req -x509 $key -keyout ca.key -out ca.part -days 3650 -subj "/CN=gradfilter lab" \
        -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign 2> openssl.log
    mv ca.part ca.crt
    echo "made the lab's authority"
fi
if ! openssl x509 -in ca.crt -noout -checkend 0 > openssl.log; then
    echo "the lab's authority has ended; remove $1/ca.crt, and a new one is made, which everybody must be shown" >&2
    exit 1
fi
if [ -e "$2.crt" ] && [ "$(cat "$2.names")" = "$3" ] && openssl verify -CAfile ca.crt "$2.crt" > openssl.log 2>&1 &&
    openssl x509 -in "$2.crt" -noout -checkend 2592000 > openssl.log; then
    exit 0
fi
rm -f "$2.crt" # the last to be made: where it is, all is
cat > "$2.extensions" <<END
subjectAltName = $3
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
openssl req $key -keyout "$2.key" -out "$2.request" -subj "/CN=gradfilter" 2> openssl.log
openssl x509 -req -in "$2.request" -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 -extfile "$2.extensions" \
    -out "$2.part" 2> openssl.log
printf %s "$3" > "$2.names"
mv "$2.part" "$2.crt"
rm "$2.request" "$2.extensions"
echo "made a certificate for $3"
