// Repeater of a broadcast tree: a copy of a bus for up to 16 loads. Emitted by the generator (src/rtl) and by burin_broadcast,
// so that no net of them has more; `make synth` puts a buffer of the library for each bit and keeps the module, so that a layout
// tool can place it. No register: latency 0.
`default_nettype none
(* keep_hierarchy = "yes" *)
module burin_repeater #(
  parameter integer WIDTH = 1
) (
  input  wire [WIDTH-1:0] in,
  output wire [WIDTH-1:0] out
);
  assign out = in;
endmodule
`default_nettype wire
