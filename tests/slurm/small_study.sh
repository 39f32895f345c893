# For the tests of scripts/slurm: a small study of crops, once done by one process and as often as asked planned; and how it went.
# Sourced with the program in $VITRINE and an empty folder in $work.

failures=0
fail() {
  echo "FAILED: $1" >&2
  failures=$((failures + 1))
}
expect_in() { case $2 in *"$1"*) ;; *) fail "'$1' is not in: $2" ;; esac; }

study() {  # NAME EPOCHS options
  "$VITRINE" study "$work/a cohort/manifest.csv" -o "$work/$1" --arch lite0 --epochs "$2" --folds 2 --threads 1 -q "${@:3}" >/dev/null
}
make_study() {  # EPOCHS
  "$VITRINE" simulate --crops -o "$work/a cohort" --patients 6 --sclc 3 --lesions 4:3 --anatomy procedural --t1c-spacing 3.5 --in-plane 3 \
    --threads 1 -q >/dev/null
  study one "$1"
}
# Every file of the study but its plan and its logs is that of the one process.
expect_same_files() {
  diff -r --exclude=plan.csv --exclude=slurm "$work/one" "$work/$1" || fail "$1 has other files than one process leaves"
}
