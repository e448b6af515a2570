#!/bin/sh
# Makes the secrets of a deployment, each in a file for its owner alone; those that are there already stay as they are.
#   secrets.sh FOLDER URL, where URL is how the server is reached, without user and password: redis://server:6379/0
# It needs nbqueue on the PATH. With NBQUEUE_NAMESPACE the users have the rights of that namespace. FOLDER then has
#   users.acl                       users of the server, with hashes of their passwords; those that you added stay,
#                                   of several lines of one user the last
#   worker.url client.url viewer.url  NBQUEUE_URL of workers, of those who submit (notebooks, web), and of those who look
#   *.password                      of these, and of admin, who may do anything
#   signing.key                     what code is signed with: for all but the server
#   web.token                       what callers of the web server show
set -eu
umask 077
if [ $# -ne 2 ] || [ "${2#*://}" = "$2" ]; then
    echo "usage: $0 FOLDER URL, for example: $0 secrets redis://server:6379/0" >&2
    exit 2
fi
folder=$1
scheme=${2%%://*}
place=${2#*://}
mkdir -p "$folder"

random() {
    head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'
}

for name in worker client viewer admin; do
    [ -s "$folder/$name.password" ] || random >"$folder/$name.password"
done
[ -s "$folder/web.token" ] || random >"$folder/web.token"
[ -s "$folder/signing.key" ] || nbqueue signing-key new --key-file "$folder/signing.key"

for role in worker client viewer; do
    echo "$scheme://$role:$(cat "$folder/$role.password")@$place" >"$folder/$role.url"
done

others=
if [ -e "$folder/users.acl" ]; then
    others=$(grep -Ev '^(user (default|health|admin|worker|client|viewer)( |$)|#|$)' "$folder/users.acl" || true)
    # a server does not start with two lines of one user: the last one, which was added last, counts
    twice=$(echo "$others" | awk '$1 == "user" && seen[$2]++ == 1 { print $2 }')
    for name in $twice; do
        echo "$folder/users.acl has several lines of the user $name: only the last one stays" >&2
    done
    others=$(echo "$others" | awk '{ line[NR] = $0; name[NR] = $2; last[$2] = NR }
        END { for (i = 1; i <= NR; i++) if (last[name[i]] == i) print line[i] }')
fi
{
    # nobody gets in as this user, and it has all rights: most servers read their append-only file as this user at
    # their start, and pass over what it may not do
    echo "user default off ~* &* +@all"
    # may ask whether the server answers, and nothing else: health checks do
    echo "user health on nopass -@all +ping"
    echo "user admin on #$(sha256sum "$folder/admin.password" | cut -d ' ' -f 1) ~* &* +@all"
    nbqueue acl --role worker --user worker --password-file "$folder/worker.password" --acl-file
    nbqueue acl --role client --user client --password-file "$folder/client.password" --acl-file
    nbqueue acl --role viewer --user viewer --password-file "$folder/viewer.password" --acl-file
    [ -z "$others" ] || echo "$others"
} >"$folder/users.acl.new"
mv "$folder/users.acl.new" "$folder/users.acl"
