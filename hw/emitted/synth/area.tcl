# LIB=cells.lib FILES="a.sv ..." TOP=module [PARAMETERS="NAME value ..."] yosys -c area.tcl: every module mapped to the liberty
# file, once each however many instances it has. LIB may be several files of one library, also .gz. synth/table.py makes the
# table of build/synth/stat.txt, memories.il and fan_out.txt.
#
# Not cells: ROM modules, and arrays of 32 words and more (vector, KV and adapter memory, tables). They are macros of the fabric
# or of an SRAM compiler; their bits are counted. Smaller arrays are flip-flops.
yosys -import
file mkdir build/synth
set top $::env(TOP)

set merged build/synth/cells.lib
exec python3 synth/merge_liberty.py $merged {*}$::env(LIB)
set file [open $merged.buffer]
set buffer [split [string trim [read $file]]]
close $file

foreach file $::env(FILES) {
  yosys read_verilog -sv -defer -I hw $file
}
set parameters {}
if {[info exists ::env(PARAMETERS)]} { set parameters $::env(PARAMETERS) }
foreach {name value} $parameters { lappend chparam -chparam $name $value }
if {[info exists chparam]} { yosys hierarchy -check -top $top {*}$chparam } else { yosys hierarchy -check -top $top }
catch { yosys blackbox rom_* }

# Words, adders, memories as memories; whole design at once.
procs
yosys select -assert-none t:\$dlatch t:\$adlatch t:\$dlatchsr
yosys check -assert
opt_expr
opt_clean
yosys opt -nodffe -nosdff
wreduce
opt_clean
alumacc
opt
yosys memory -nomap
opt_clean
yosys tee -q -o build/synth/memories.il dump -m -n t:\$mem_v2

# The cells of what is selected; writes yosys' table to `path`.
proc gates {path} {
  yosys tee -q -o $path stat
  set file [open $path]
  set count 0
  regexp {Number of cells: +(\d+)} [read $file] -> count
  close $file
  return $count
}

# Gates and cells, a module at a time; what is measured becomes a black box, so that memory holds one module of gates.
yosys tee -q -o build/synth/modules.txt ls
set file [open build/synth/modules.txt]
set names [lrange [regexp -all -inline {\S+} [read $file]] 2 end]
close $file
file delete build/synth/stat.txt build/synth/fan_out.txt
foreach name $names {
  if {[string match *rom_* $name]} continue
  yosys select $name
  yosys opt -fast -full
  yosys memory_map $name/t:\$mem_v2 $name/r:SIZE<32 %i
  yosys opt -undriven -fine
  techmap
  yosys opt -fast
  yosys check -assert
  yosys dfflibmap -liberty $merged.functions
  # Large modules of multipliers and dividers take abc's usual script hours; its short one gives some more area.
  set fast {}
  if {[gates build/synth/gates.txt] > 30000} { set fast -fast }
  if {[string match *burin_repeater* $name]} {
    yosys insbuf -buf {*}$buffer
  } else {
    yosys abc -liberty $merged {*}$fast
    opt_clean
  }
  yosys json -o build/synth/module.json
  exec python3 synth/fan_out.py $merged.outputs build/synth/module.json >>build/synth/fan_out.txt
  yosys tee -q -a build/synth/stat.txt stat -liberty $merged.functions
  puts stderr "synth: $name $fast"
  yosys blackbox
  yosys select -clear
}
