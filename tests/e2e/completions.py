#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bash, zsh and fish offer after a TAB: each shell loads its file and is asked. Beside every verb stand the
options that the verb's own help names."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import BUILD, ROOT, Tap, cleanup, run, scratch, until  # noqa: E402

CORDON = BUILD / "cordon"
FOLDER = ROOT / "packaging" / "completions"
WORDS = {"rules": "list add change remove use", "allow": "list add remove", "hosts": "list show invite rename retire",
         "accounts": "list add close open", "keys": "list create remove disable enable token",
         "db": "check backup vacuum", "config": "check show"}


class Bash:
    ASK = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
           '_cordon cordon "${@: -1}" "${COMP_WORDS[$# - 2]}"; printf "%s\\n" "${COMPREPLY[@]}"')

    def ask(self, line):
        return run("bash", "--norc", "-c", self.ASK, FOLDER / "cordon.bash", *line.split(" ")).split()


class Fish:
    def __init__(self):
        self.env = dict(os.environ, HOME=str(scratch()), PATH=f"{BUILD}:{os.environ['PATH']}")

    def ask(self, line):
        said = run("fish", "--no-config", "-c", "set fish_complete_path $argv[1]; complete -C $argv[2]", FOLDER, line,
                   env=self.env, cwd=self.env["HOME"])
        return [candidate.split("\t")[0] for candidate in said.splitlines()]


class Zsh:
    """Completes only where a line is edited: on a terminal. What would be added is written down on its way."""
    SETUP = """
PROMPT=
fpath=($FOLDER $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
  if (( ! ${@[(I)-[ODA]]} )); then
    local -a offered
    builtin compadd -O offered "$@"
    print -rl -- $offered >>said
  fi
  builtin compadd "$@"
}
ask() {
  BUFFER=$(<line)
  CURSOR=$#BUFFER
  zle complete-word
  BUFFER=
  print -r -- END >>said
}
zle -N ask
bindkey '^X' ask
"""

    def __init__(self):
        self.home = scratch()
        (self.home / "setup").write_text(self.SETUP)
        self.terminal, theirs = pty.openpty()
        self.process = subprocess.Popen(["zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=self.home,
                                        env=dict(os.environ, HOME=str(self.home), FOLDER=str(FOLDER), TERM="dumb"),
                                        start_new_session=True)
        os.close(theirs)
        cleanup.callback(self.end)
        os.write(self.terminal, b"source ./setup\n")

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def said(self):
        while select.select([self.terminal], [], [], 0)[0]:  # or it would wait for somebody to read
            os.read(self.terminal, 65536)
        return (self.home / "said").read_text().split()

    def ask(self, line):
        (self.home / "said").write_text("")
        (self.home / "line").write_text(line)
        os.write(self.terminal, b"\x18")
        if not until(lambda: "END" in self.said(), 30):
            raise RuntimeError(f"no answer to {line!r}")
        return self.said()[:-1]


SHELLS = {"bash": Bash, "fish": Fish, "zsh": Zsh}
CASES = (("cordon st", ["status"]),
         ("cordon --state-dir /x keys tok", ["token"]),
         ("cordon --account a hosts ret", ["retire"]),
         ("cordon --json blocks --off", ["--offset"]),
         ("cordon blocks --state exp", ["expired"]),
         ("cordon blocks --service my", ["mysql"]),
         ("cordon block --skip", ["--skip-refused"]),
         ("cordon block --for perm", ["permanent"]))


def options_of(verb):
    return set(re.findall(r"--[a-z][a-z-]+", run(CORDON, verb, "--help", check=False).stdout)) | {"--help"}


def ask_all(tap, name, shell, verbs):
    tap.equal(sorted(shell.ask("cordon ")), sorted(verbs), f"{name}: every verb")
    for verb, options in verbs.items():
        tap.equal(sorted(options - set(shell.ask(f"cordon {verb} --"))), [], f"{name}: every option of {verb}")
    for verb, words in WORDS.items():
        tap.equal(sorted(set(words.split()) - set(shell.ask(f"cordon {verb} "))), [], f"{name}: every word of {verb}")
    for line, expected in CASES:
        tap.equal(shell.ask(line), expected, f"{name}: {line}")


def main():
    tap = Tap()
    names = re.findall(r"^  (\w+) ", run(CORDON, "--help"), re.M)
    verbs = {verb: options_of(verb) for verb in names}
    for name, shell in SHELLS.items():
        if shutil.which(name):
            ask_all(tap, name, shell(), verbs)
        else:
            tap.skip(name, "it is not installed")
    tap.done()


main()
