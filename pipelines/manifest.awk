# SPDX-License-Identifier: MIT
# awk -v set=SET -v dir=OUT/SET -v trunk=SUFFIX -f manifest.awk: writes DIR/manifest.tsv, a line a system, from what lies in DIR/log; input
# are the ids of the systems asked for. Status 1 when one of them is not there.
function slurp(file,   line, text) {
    while ((getline line < file) > 0) text = text (text == "" ? "" : " ") line
    close(file)
    gsub(/[\t\r]+/, " ", text)
    return text
}
# What km-info said of a system: counts, times in ns, licence, alignment.
function read_info(file,   line, place) {
    trajectories = frames = ns = residues = 0
    license = ""
    alignment = "none: single sequence"
    while ((getline line < file) > 0) {
        if (line ~ /^license: /) license = substr(line, 10)
        if (line ~ /^  residues: /) residues = substr(line, 13)
        if (line ~ /^  msa: /) { alignment = substr(line, 8); sub(/,.*/, "", alignment) }
        if (line ~ /^  frames: /) frames = substr(line, 11)
        if (line ~ /^    trajectory [0-9]/) {
            trajectories++
            place = match(line, /last_ns [^,]*/)
            ns += substr(line, RSTART + 8, RLENGTH - 8)
            place = match(line, /first_ns [^,]*/)
            ns -= substr(line, RSTART + 9, RLENGTH - 9)
        }
    }
    close(file)
}
function row(id,   why, state) {
    state = "there"
    if ((id, "info") in has) {
        read_info(dir "/log/" id ".info")
        if ((id, "failed") in has) why = slurp(dir "/log/" id ".failed")
        else if (trunk != "" && !((id, trunk) in has)) why = "no result of the trunk"
        if (why != "") state = "failed"
        else if ((id, "partly") in has) why = slurp(dir "/log/" id ".partly")
    } else {
        trajectories = frames = ns = residues = license = alignment = ""
        state = (id, "refused") in has ? "refused" : "failed"
        why = (id, state) in has ? slurp(dir "/log/" id "." state) : "not made"
    }
    count[state]++
    if (state == "there") { all_frames += frames; all_ns += ns }
    if (state != "there" && id in asked) bad++
    printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", id, state, trajectories, frames, ns, residues, license, alignment, why | sorted
}
{ asked[$1]; names[$1] }
END {
    out = dir "/manifest.tsv.new"
    command = "ls " dir "/log"
    while ((command | getline file) > 0) {
        if (!match(file, /\.(info|partly|refused|failed|trunk\.[^\/]*)$/)) continue
        has[substr(file, 1, RSTART - 1), substr(file, RSTART + 1)]
        names[substr(file, 1, RSTART - 1)]
    }
    close(command)
    print "system\tstate\ttrajectories\tframes\tns\tresidues\tlicense\talignment\twhy" > out
    close(out)
    sorted = "LC_ALL=C sort >>" out
    for (id in names) row(id)
    close(sorted)
    if (system("mv " out " " dir "/manifest.tsv") != 0) exit 4
    printf "%s: %d systems, %d frames, %.9g ns; %d refused, %d failed: %s/manifest.tsv\n", set, count["there"], all_frames, all_ns,
        count["refused"], count["failed"], dir | "cat >&2"
    exit bad > 0
}
