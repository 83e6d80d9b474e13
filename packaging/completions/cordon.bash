# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for cordon(1)

_cordon() {
  local word=$2 before=$3 verb='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
    --state-dir | --account) ((i++)) ;;
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
  --from) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
  --for | --span | --block | --expires) mapfile -t COMPREPLY < <(compgen -W '10m 1h 6h 1d 7d permanent' -- "$word") ;;
  --on | --host) mapfile -t COMPREPLY < <(compgen -W "$(_cordon_hosts)" -- "$word") ;;
  --address | --limit | --offset | --why | --failures | --name | --top | --since | --until | --rule | --tz | --now | \
    --table | --account | --project | --enterprise-project | --set | --who | --what | --object) ;;
  *) _cordon_words "$verb" "$word" ;;
  esac
}

# Names of the servers, where the daemon may be asked.
_cordon_hosts() {
  cordon hosts --json 2>/dev/null | sed -n 's/^ *"name": "\(.*\)",*$/\1/p'
}

# What may stand here: the verb's options, its own words, files.
_cordon_words() {
  local verb=$1 word=$2 options='--help' words='' files='' daemon='--json --account --state-dir'
  case $verb in
  '')
    options='--help --version --state-dir --account --json'
    words='status top blocks block unblock verify rules allow hosts keys accounts audit db config flush scan explain'
    ;;
  status | verify) options+=" $daemon" ;;
  unblock) options+=" --on $daemon" ;;
  top) options+=" --once $daemon" ;;
  blocks) options+=" --state --address --service --host --custom --limit --offset $daemon" ;;
  block) options+=" --on --all --in --out --both --for --until --why --from --set --skip-refused $daemon" ;;
  rules)
    options+=" --failures --span --block --service --enable --disable --on --all $daemon"
    words='list add change remove use'
    ;;
  allow)
    options+=" --why $daemon"
    words='list add remove'
    ;;
  hosts)
    options+=" --name --project --enterprise-project --for --yes $daemon"
    words='list show invite rename retire'
    ;;
  keys)
    options+=" --name --allow --expires --enterprise-project $daemon"
    words='list create remove disable enable token'
    ;;
  accounts)
    options+=" $daemon"
    words='list add close open'
    ;;
  audit) options+=" --since --who --what --object --all --limit $daemon" ;;
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
