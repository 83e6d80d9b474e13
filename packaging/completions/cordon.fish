# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for cordon(1)

function __cordon_verb
    __fish_seen_subcommand_from $argv
end

# Is this the word after the verb?
function __cordon_first
    contains -- (commandline -opc)[-1] $argv
end

set -l verbs \
    status 'is it working, what does it see, what does it hold' \
    top 'who attacks now' \
    blocks 'list blocks' \
    block 'block addresses by hand, here or on many servers' \
    unblock 'lift a block' \
    verify 'explain one address' \
    rules 'list, add, change and remove rules' \
    allow 'who is never blocked' \
    hosts 'the protected servers: list, show, invite, rename, retire' \
    keys 'access keys and tokens for the APIs' \
    accounts 'accounts, strictly apart' \
    audit 'who changed what, and when' \
    db 'check, back up or compact the database' \
    config 'check or show the configuration' \
    flush 'take the table out of the kernel' \
    scan 'say who attacked, from log files' \
    explain 'say what each line of a log means'
set -l names
for i in (seq 1 2 (count $verbs))
    set -a names $verbs[$i]
end
set -l none "not __cordon_verb $names"

complete -c cordon -f
complete -c cordon -l help -d 'say how'
complete -c cordon -n $none -l version -d 'say which this is'
for i in (seq 1 2 (count $verbs))
    complete -c cordon -n $none -a $verbs[$i] -d $verbs[(math $i + 1)]
end

set -l daemon status top blocks block unblock verify rules allow hosts keys accounts audit
complete -c cordon -n "$none; or __cordon_verb $daemon scan explain" -l json -d 'print JSON'
complete -c cordon -n "$none; or __cordon_verb $daemon db" -l state-dir -x -a '(__fish_complete_directories)' -d 'where cordond keeps its socket'
complete -c cordon -n "$none; or __cordon_verb $daemon" -l account -x -d 'of another account than the first'
complete -c cordon -n '__cordon_verb top' -l once -d 'show it once'
complete -c cordon -n '__cordon_verb blocks' -l state -x -a 'active wanted applied failed expired cancelling canceled all'
complete -c cordon -n '__cordon_verb blocks' -l address -x -d 'those that hold it'
complete -c cordon -n '__cordon_verb blocks rules' -l service -x -a 'ssh mysql rdp vsftpd'
complete -c cordon -n '__cordon_verb blocks' -l host -x -d 'those of one server'
complete -c cordon -n '__cordon_verb blocks' -l custom -d 'those made for many servers'
complete -c cordon -n '__cordon_verb blocks audit' -l limit -x -d 'at most so many'
complete -c cordon -n '__cordon_verb blocks' -l offset -x -d 'leave out the first'
complete -c cordon -n '__cordon_verb block hosts' -l for -x -a '10m 1h 6h 1d 7d permanent' -d 'how long'
complete -c cordon -n '__cordon_verb block' -l until -x -d 'until when'
complete -c cordon -n '__cordon_verb scan' -l until -x -d 'before then'
complete -c cordon -n '__cordon_verb block unblock rules' -l on -x -d 'on these servers'
complete -c cordon -n '__cordon_verb block rules' -l all -d 'on every server'
complete -c cordon -n '__cordon_verb block' -l in -d 'their connections to us'
complete -c cordon -n '__cordon_verb block' -l out -d 'our connections to them'
complete -c cordon -n '__cordon_verb block' -l both -d 'either way'
complete -c cordon -n '__cordon_verb block' -l from -r -F -d 'a list'
complete -c cordon -n '__cordon_verb block' -l set -x -d 'only this set of the list'
complete -c cordon -n '__cordon_verb block' -l skip-refused -d 'block the others all the same'
complete -c cordon -n '__cordon_verb block allow' -l why -x -d 'shown with it'
complete -c cordon -n '__cordon_first rules' -a 'list add change remove use'
complete -c cordon -n '__cordon_verb rules' -l failures -x -d 'how many'
complete -c cordon -n '__cordon_verb rules' -l span -x -d 'within'
complete -c cordon -n '__cordon_verb rules' -l block -x -a '1h 6h 1d permanent' -d 'for how long'
complete -c cordon -n '__cordon_verb rules' -l enable -d 'in force'
complete -c cordon -n '__cordon_verb rules' -l disable -d 'not in force'
complete -c cordon -n '__cordon_first allow' -a 'list add remove'
complete -c cordon -n '__cordon_first hosts' -a 'list show invite rename retire'
complete -c cordon -n '__cordon_verb hosts' -l project -x -d 'of this account'
complete -c cordon -n '__cordon_verb hosts keys' -l enterprise-project -x -d 'which one it belongs to'
complete -c cordon -n '__cordon_verb hosts' -l yes -d 'do not ask'
complete -c cordon -n '__cordon_first accounts' -a 'list add close open'
complete -c cordon -n '__cordon_verb audit scan' -l since -x -d 'from then on'
complete -c cordon -n '__cordon_verb audit' -l who -x -d 'a key or cli'
complete -c cordon -n '__cordon_verb audit' -l what -x -d 'which change'
complete -c cordon -n '__cordon_verb audit' -l object -x -d 'of what'
complete -c cordon -n '__cordon_verb audit' -l all -d 'with blocks by rules'
complete -c cordon -n '__cordon_first keys' -a 'list create remove disable enable token'
complete -c cordon -n '__cordon_verb keys hosts' -l name -x -d 'what you call it'
complete -c cordon -n '__cordon_verb keys' -l allow -x -d 'what it may call'
complete -c cordon -n '__cordon_verb keys' -l expires -x -a '1h 1d 7d' -d 'temporary'
complete -c cordon -n '__cordon_first db' -a 'check backup vacuum'
complete -c cordon -n '__cordon_first config' -a 'check show'
complete -c cordon -n '__cordon_verb db config' -F
complete -c cordon -n '__cordon_verb flush' -l table -x -d 'its name'
complete -c cordon -n '__cordon_verb scan explain' -F
complete -c cordon -n '__cordon_verb scan' -l top -x -d 'at most so many sources'
complete -c cordon -n '__cordon_verb scan' -l users -d 'names that were tried'
complete -c cordon -n '__cordon_verb scan' -l rule -x -d 'FAILS/SPAN/FORBIDDEN'
complete -c cordon -n '__cordon_verb scan explain' -l tz -x -d 'zone of stamps'
complete -c cordon -n '__cordon_verb scan explain' -l now -x -d 'stamps are before it'
