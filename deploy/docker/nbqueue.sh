#!/bin/sh
# nbqueue in a container, installed there as "nbqueue". It takes a signing key only from a private file of its own user, but
# secrets are mounted with the owner and mode of whoever mounts them: this puts them in place, then runs nbqueue.
set -eu
umask 077
secrets=/run/secrets/nbqueue
mkdir -p "$NBQUEUE_HOME"
for name in signing.key web.token; do
    if [ -f "$secrets/$name" ] && ! cmp -s "$secrets/$name" "$NBQUEUE_HOME/$name"; then
        draft=$(mktemp "$NBQUEUE_HOME/.secret.XXXXXX")
        cat "$secrets/$name" >"$draft"
        mv -f "$draft" "$NBQUEUE_HOME/$name"
    fi
done
if [ -f "$secrets/url" ]; then
    NBQUEUE_URL=$(cat "$secrets/url")
    export NBQUEUE_URL
fi
exec /opt/nbqueue/bin/nbqueue "$@"
