# A Slurm of one node of its own in a temporary folder, for whoever sources this: start_cluster FOLDER, stop_cluster.
# It has its own munge key, sockets, ports and state, runs as whoever calls it, and touches no Slurm that the machine may have.

cluster_folder='' cluster_watcher=''

# A port on which nothing listens now.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo $port
}

write_cluster_configuration() {
  local host cpus memory user
  host=$(uname -n)
  host=${host%%.*}
  cpus=$(getconf _NPROCESSORS_ONLN)
  memory=$(($(getconf _PHYS_PAGES) / 1024 * $(getconf PAGESIZE) / 1024 * 9 / 10))  # MiB
  user=$(id -un)
  cat >"$cluster_folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$cluster_folder/munge.socket
StateSaveLocation=$cluster_folder/state
SlurmdSpoolDir=$cluster_folder/spool
SlurmctldPidFile=$cluster_folder/slurmctld.pid
SlurmdPidFile=$cluster_folder/slurmd.pid
SlurmctldLogFile=$cluster_folder/slurmctld.log
SlurmdLogFile=$cluster_folder/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
MaxArraySize=8
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1,batch_sched_delay=0,defer_batch=0
KillWait=2
MinJobAge=300
SlurmdParameters=config_overrides
PropagateResourceLimits=NONE
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
}

# $1 seconds for the command of the rest to succeed.
wait_for() {
  local until=$((SECONDS + $1))
  shift
  while ! "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || return 1
    sleep 0.02
  done
}

node_is_idle() { [ "$(sinfo -h -o %t)" = idle ]; }

start_cluster() {
  cluster_folder=$1
  local program
  # Whoever started this may be killed: then somebody else stops the daemons.
  setsid bash -c '. "$1"; cluster_folder=$2; export SLURM_CONF=$2/slurm.conf
    while kill -0 "$3" 2>/dev/null; do sleep 1; done
    stop_cluster; rm -rf "$2"' watcher "${BASH_SOURCE[0]}" "$cluster_folder" $$ </dev/null >/dev/null 2>&1 &
  cluster_watcher=$!
  (
    umask 077
    mkdir -p "$cluster_folder/state" "$cluster_folder/spool"
    dd if=/dev/urandom of="$cluster_folder/munge.key" bs=128 count=1 2>/dev/null
  )
  write_cluster_configuration
  export SLURM_CONF=$cluster_folder/slurm.conf
  PATH=$PATH:/usr/sbin:/sbin
  munged --force --key-file="$cluster_folder/munge.key" --socket="$cluster_folder/munge.socket" \
    --pid-file="$cluster_folder/munged.pid" --log-file="$cluster_folder/munged.log" --seed-file="$cluster_folder/munged.seed"
  slurmctld
  slurmd
  wait_for 30 node_is_idle && return
  for program in munged slurmctld slurmd; do
    echo "--- $program.log" >&2
    tail -n 20 "$cluster_folder/$program.log" >&2
  done
  return 1
}

# Every daemon that start_cluster started, by the number that it wrote, whatever state it is in.
stop_cluster() {
  [ -d "$cluster_folder" ] || return 0
  local name pid
  scancel --user="$(id -un)" 2>/dev/null && wait_for 10 no_job_is_left || true
  for name in slurmd slurmctld munged; do
    pid=$(cat "$cluster_folder/$name.pid" 2>/dev/null) || continue
    kill "$pid" 2>/dev/null || continue
    wait_for 5 process_is_gone "$pid" || kill -9 "$pid" 2>/dev/null || true
  done
  [ -z "$cluster_watcher" ] || kill "$cluster_watcher" 2>/dev/null || true
  cluster_folder='' cluster_watcher=''
}
process_is_gone() { ! kill -0 "$1"; }
no_job_is_left() { [ -z "$(squeue -h)" ]; }
