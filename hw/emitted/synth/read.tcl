# TOP=module FILES="a.sv ..." yosys -c read.tcl: the whole design as yosys sees it. Stops on a latch, a combinational loop or a net
# with several drivers, in a module or through the hierarchy. Memories stay memories.
yosys -import
set top $::env(TOP)
foreach file $::env(FILES) {
  yosys read_verilog -sv -defer -I hw $file
}
hierarchy -check -top $top
procs
yosys select -assert-none t:\$dlatch t:\$adlatch t:\$dlatchsr
yosys check -assert
# Outputs of banks and row drivers are registers, so no loop leads through them; what is around them is flattened.
foreach kept {burin_bank burin_row_driver} {
  yosys select -assert-none *$kept*/o:* %ci1 *$kept*/t:* %i *$kept*/t:\$dff %d
  yosys blackbox *$kept*
}
yosys flatten
yosys opt_clean
yosys check -assert
yosys scc -expect 0
