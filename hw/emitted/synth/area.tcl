# LIB=cells.lib FILES="a.sv ..." TOP=module [PARAMETERS="NAME value ..."] yosys -c area.tcl: cells and area of every
# module, mapped to the liberty file; the table is in build/synth/area.txt. LIB may be several files of one library, also
# .gz. ROM contents and SRAMs are black boxes: they are arrays of the fabric or macros, not cells.
yosys -import
file mkdir build/synth
set top $::env(TOP)

set merged build/synth/cells.lib
exec python3 synth/merge_liberty.py $merged {*}$::env(LIB)

foreach file $::env(FILES) {
  yosys read_verilog -sv -defer -I hw $file
}
set parameters {}
if {[info exists ::env(PARAMETERS)]} { set parameters $::env(PARAMETERS) }
foreach {name value} $parameters { lappend chparam -chparam $name $value }
if {[info exists chparam]} { yosys hierarchy -check -top $top {*}$chparam } else { yosys hierarchy -check -top $top }
catch { yosys blackbox rom_* }
foreach memory {burin_vector_memory burin_kv_memory burin_adapter_memory} {
  catch { yosys blackbox *$memory* }
}
yosys synth -top $top
yosys dfflibmap -liberty $merged
yosys abc -liberty $merged
opt_clean
yosys tee -o build/synth/area.txt stat -liberty $merged
