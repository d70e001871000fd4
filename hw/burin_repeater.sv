// Repeater of a broadcast tree: a copy of a bus for up to 16 loads. Emitted by the generator, so
// that no net has more; synthesis keeps it (keep_hierarchy), a router places it. No register:
// latency 0.
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
