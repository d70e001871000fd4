# LIB=cells.lib FILES="a.sv ..." TOP=module [PARAMETERS="NAME value ..."] yosys -c area.tcl: every module mapped to the liberty
# file, once each however many instances it has. LIB may be several files of one library, also .gz. synth/table.py makes the
# table of build/synth/stat.txt, hierarchy.txt and memories.il.
#
# Not cells: ROM modules, and arrays of 32 words and more (vector, KV and adapter memory, tables). They are macros of the fabric
# or of an SRAM compiler; their bits are counted. Smaller arrays are flip-flops.
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

# Coarse: words, adders, memories as memories.
yosys synth -top $top -run begin:fine
yosys tee -q -o build/synth/memories.il dump -m -n t:\$mem_v2
yosys chtype -set burin_array t:\$mem_v2 r:SIZE>=32 %i
# Fine: gates, then cells.
yosys synth -top $top -run fine:check
yosys dfflibmap -liberty $merged
yosys abc -liberty $merged
yosys opt_clean
yosys check -assert
yosys select -assert-none t:*_DLATCH* t:\$*dlatch*
yosys tee -o build/synth/stat.txt stat -liberty $merged
