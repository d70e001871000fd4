// Broadcast tree: COPIES copies of a bus (4096 at most), each a repeater's output, no net with more than 16 repeaters behind it.
// What a copy drives is its reader's matter. No register: latency 0.
`default_nettype none

module burin_broadcast #(
    parameter int WIDTH = 1,
    parameter int COPIES = 16,
    parameter int NEAR = (COPIES + 15) / 16,
    parameter int FAR = (NEAR + 15) / 16
) (
    input wire logic [WIDTH-1:0] in,
    output wire logic [COPIES*WIDTH-1:0] out
);
  wire [FAR*WIDTH-1:0] far;
  wire [NEAR*WIDTH-1:0] near;
  for (genvar c = 0; c < FAR; c++) begin : level_far
    if (FAR == 1) assign far = in;
    else burin_repeater #(.WIDTH(WIDTH)) repeater (.in(in), .out(far[c*WIDTH+:WIDTH]));
  end
  for (genvar c = 0; c < NEAR; c++) begin : level_near
    if (NEAR == 1) assign near = far;
    else burin_repeater #(.WIDTH(WIDTH)) repeater (.in(far[c/16*WIDTH+:WIDTH]), .out(near[c*WIDTH+:WIDTH]));
  end
  for (genvar c = 0; c < COPIES; c++) begin : copy
    burin_repeater #(.WIDTH(WIDTH)) repeater (.in(near[c/16*WIDTH+:WIDTH]), .out(out[c*WIDTH+:WIDTH]));
  end
endmodule

`default_nettype wire
