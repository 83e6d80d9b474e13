# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for cordon(1)

_cordon() {
  local word=$2 before=$3 verb='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
    --state-dir) ((i++)) ;;
    -*) ;;
    *)
      verb=${COMP_WORDS[i]}
      break
      ;;
    esac
  done
  COMPREPLY=()
  case $before in
  --state) mapfile -t COMPREPLY < <(compgen -W 'active wanted applied failed expired cancelling canceled all' -- "$word") ;;
  --service) mapfile -t COMPREPLY < <(compgen -W 'ssh mysql rdp vsftpd' -- "$word") ;;
  --state-dir) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
  --allow)
    mapfile -t COMPREPLY < <(compgen -W 'yundun-sas:DescribeBruteForceRecords yundun-sas:DescribeBruteForceSummary
      yundun-sas:EnableBruteForceRecord yundun-sas:DisableBruteForceRecord hss:blockedIp:list hss:blockedIp:change
      iam:token:create cordon:health cordon:metrics' -- "$word")
    __ltrim_colon_completions "$word" 2>/dev/null
    ;;
  --for | --span | --block | --expires) mapfile -t COMPREPLY < <(compgen -W '10m 1h 6h 1d 7d permanent' -- "$word") ;;
  --address | --limit | --offset | --why | --failures | --name | --top | --since | --until | --rule | --tz | --now | --table) ;;
  *) _cordon_words "$verb" "$word" ;;
  esac
}

# What may stand here: the verb's options, its own words, files.
_cordon_words() {
  local verb=$1 word=$2 options='--help' words='' files=''
  case $verb in
  '')
    options='--help --version --state-dir --json'
    words='status top blocks block unblock verify rules allow hosts keys db config flush scan explain'
    ;;
  status | hosts | unblock | verify) options+=' --json --state-dir' ;;
  top) options+=' --once --json --state-dir' ;;
  blocks) options+=' --state --address --service --limit --offset --json --state-dir' ;;
  block) options+=' --for --out --why --json --state-dir' ;;
  rules)
    options+=' --failures --span --block --service --enable --disable --json --state-dir'
    words='list add change remove'
    ;;
  allow)
    options+=' --why --json --state-dir'
    words='list add remove'
    ;;
  keys)
    options+=' --name --allow --expires --json --state-dir'
    words='list create remove disable enable token'
    ;;
  db)
    options+=' --state-dir'
    words='check backup vacuum'
    files=yes
    ;;
  config)
    words='check show'
    files=yes
    ;;
  flush) options+=' --table' ;;
  scan)
    options+=' --top --users --since --until --rule --tz --now --json'
    files=yes
    ;;
  explain)
    options+=' --json --tz --now'
    files=yes
    ;;
  esac
  case $word in
  -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word") ;;
  *)
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    [ -z "$files" ] || mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
    ;;
  esac
}

complete -o filenames -F _cordon cordon
