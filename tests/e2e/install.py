#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `meson install` puts where, and what systemd says of the unit."""
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import BUILD, ROOT, Tap, need_commands, run, scratch, skip_all  # noqa: E402

# path below the prefix: mode
FILES = {
    "bin/cordon": 0o755,
    "sbin/cordond": 0o755,
    "lib/systemd/system/cordon.service": 0o644,
    "lib/sysusers.d/cordon.conf": 0o644,
    "lib/tmpfiles.d/cordon.conf": 0o644,
    "share/doc/cordon/examples/cordon.yaml": 0o644,
    "share/bash-completion/completions/cordon": 0o644,
    "share/zsh/site-functions/_cordon": 0o644,
    "share/fish/vendor_completions.d/cordon.fish": 0o644,
    "share/man/man1/cordon.1": 0o644,
    "share/man/man5/cordon.yaml.5": 0o644,
    "share/man/man8/cordond.8": 0o644,
}


def verify(tap, unit, own):
    """Of a copy whose program exists: systemd-analyze looks for it."""
    if not shutil.which("systemd-analyze"):
        tap.skip("systemd accepts the unit", "systemd-analyze is not installed")
        return
    text = unit.read_text()
    programs = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    tap.equal(programs, ["ExecStart=/usr/local/sbin/cordond"], "the unit starts the installed daemon")
    copy = own / "cordon.service"
    copy.write_text(text.replace("/usr/local/sbin/cordond", str(BUILD / "cordond")))
    done = run("systemd-analyze", "verify", "--man=no", copy, check=False)
    said = [line for line in done.stderr.splitlines() if "cordon" in line]
    tap.ok(done.returncode == 0 and not said, "systemd accepts the unit", done.stderr)
    done = run(ROOT / "scripts/check-unit", check=False)
    tap.ok(done.returncode == 0, "its confinement is as tight as it was", done.stdout + done.stderr)


def main():
    need_commands("meson")
    options = {o["name"]: o["value"] for o in json.loads(run("meson", "introspect", "--buildoptions", BUILD))}
    if options["prefix"] != "/usr/local":
        skip_all("the build has a prefix of its own")
    tap = Tap()
    own = scratch()
    target = own / "dest"
    umask = os.umask(0o077)  # an administrator's must not show
    done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", target], text=True,
                          capture_output=True)
    os.umask(umask)
    tap.equal(done.returncode, 0, "it installs")
    prefix = target / "usr/local"
    found = {str(p.relative_to(prefix)): stat.S_IMODE(p.stat().st_mode) for p in prefix.rglob("*") if p.is_file()}
    tap.equal(found, FILES, "twelve files, each with its place and mode")
    tap.equal([str(p) for p in target.rglob("*") if p.is_file() and prefix not in p.parents], [], "and nothing elsewhere")
    conf = prefix / "etc/cordon/conf.d"
    tap.ok(conf.is_dir() and not list(conf.iterdir()), "a directory for the configuration, and none in it")
    example = prefix / "share/doc/cordon/examples/cordon.yaml"
    done = run(prefix / "bin/cordon", "config", "check", example, check=False)
    tap.ok(done.returncode == 0, "the example configuration is one", done.stderr)
    said = run(prefix / "bin/cordon", "--version"), run(prefix / "sbin/cordond", "--version")
    tap.ok(all(x.split()[-1][0].isdigit() for x in said), "both programs run and say their version", said)
    verify(tap, prefix / "lib/systemd/system/cordon.service", own)
    tap.done()


main()
