#!/bin/sh
# Installs Debian's chromium and chromium-driver when there are browser tests and they are not there.
# Never fails: a browser test says itself what it is missing.
ls tests/browser/test_*.py >/dev/null 2>&1 || exit 0
command -v chromium >/dev/null && command -v chromedriver >/dev/null && exit 0
command -v apt-get >/dev/null || { echo "Browser tests need chromium and chromedriver: install them." >&2; exit 0; }
as_root=
test "$(id -u)" = 0 || as_root="sudo -n"
export DEBIAN_FRONTEND=noninteractive
{ $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends chromium chromium-driver; } </dev/null >/dev/null ||
  echo "chromium and chromium-driver could not be installed; browser tests need them." >&2
exit 0
