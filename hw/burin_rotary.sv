// Rotary embedding (contract 7): the angles of a position, once a token; then the rotation of q or k in place.
//
// A segment is SEGMENT = min(W, HEAD_DIM) values. HEAD_DIM <= W: a head is a segment and holds both values of a pair.
// Otherwise the values of a pair lie HEAD_DIM / 2 apart, in two segments; both are read twice, for x' and for y'.
//
//   angles:   HEAD_DIM / 2 + 3 cycles, a pair a cycle
//   rotation: a segment a cycle; read in cycle t, out_valid in t + 3
`default_nettype none
`include "burin_fixed.svh"

module burin_rotary #(
    parameter int HEAD_DIM = 32,
    parameter int SEGMENT = 16,
    parameter int SEGMENTS = HEAD_DIM / SEGMENT
) (
    input wire logic clk,
    input wire logic reset,
    // angles
    input wire logic angle_start,
    input wire logic [31:0] position,
    output logic angle_busy,
    output logic rotary_enable,
    output logic [31:0] rotary_coarse,
    output logic [31:0] rotary_fine,
    input wire logic [31:0] coarse_word,  // {sin, cos}
    input wire logic [31:0] fine_word,
    // rotation
    input wire logic start,
    input wire logic [15:0] heads,
    output logic read,
    output logic [15:0] segment_a,  // x
    output logic [15:0] segment_b,  // y (HEAD_DIM > W)
    input wire logic [SEGMENT*32-1:0] word_a,
    input wire logic [SEGMENT*32-1:0] word_b,
    output logic out_valid,
    output logic [15:0] out_segment,
    output logic [SEGMENT*32-1:0] out_word,
    output logic busy
);
  localparam int PAIRS = HEAD_DIM / 2;
  localparam int PAIR_BITS = PAIRS > 1 ? $clog2(PAIRS) : 1;
  localparam int LANE_PAIRS = SEGMENTS == 1 ? PAIRS : SEGMENT;  // pairs that a segment takes part in

  // Angles: table words | cos, sin.
  logic signed [15:0] cosine[0:PAIRS-1];
  logic signed [15:0] sine[0:PAIRS-1];
  logic angle_running, angle_valid;
  logic [PAIR_BITS-1:0] pair, angle_pair;
  logic signed [15:0] ca, sa, cb, sb;
  assign ca = coarse_word[15:0];
  assign sa = coarse_word[31:16];
  assign cb = fine_word[15:0];
  assign sb = fine_word[31:16];
  assign rotary_enable = angle_running;
  assign rotary_coarse = (position >> 6) * 32'(PAIRS) + 32'(pair);
  assign rotary_fine = 32'(position[5:0]) * 32'(PAIRS) + 32'(pair);
  assign angle_busy = angle_running | angle_valid;
  always_ff @(posedge clk) begin
    angle_valid <= angle_running & ~reset;
    angle_pair <= pair;
    if (reset) angle_running <= 1'b0;
    else if (angle_start) begin
      angle_running <= 1'b1;
      pair <= '0;
    end else if (angle_running) begin
      pair <= pair + 1'b1;
      if (pair == PAIR_BITS'(PAIRS - 1)) angle_running <= 1'b0;
    end
    if (angle_valid) begin
      cosine[angle_pair] <= 16'((32'(ca) * 32'(cb) - 32'(sa) * 32'(sb) + 32'sd8192) >>> 14);
      sine[angle_pair] <= 16'((32'(sa) * 32'(cb) + 32'(ca) * 32'(sb) + 32'sd8192) >>> 14);
    end
  end

  // Walk over the segments. SEGMENTS > 1: lower and upper half of a pair in turn.
  logic running, upper;
  logic [15:0] head, base;
  logic [7:0] step;
  assign read = running;
  assign segment_a = base + 16'(step);
  assign segment_b = base + 16'(step) + 16'(SEGMENTS / 2);
  always_ff @(posedge clk) begin
    if (reset) running <= 1'b0;
    else if (start) begin
      running <= 1'b1;
      head <= 16'd0;
      base <= 16'd0;
      step <= 8'd0;
      upper <= 1'b0;
    end else if (running) begin
      if (SEGMENTS > 1 && !upper) upper <= 1'b1;
      else begin
        upper <= 1'b0;
        if (SEGMENTS == 1 || step + 8'd1 == 8'(SEGMENTS / 2)) begin
          step <= 8'd0;
          head <= head + 16'd1;
          base <= base + 16'(SEGMENTS);
          if (head + 16'd1 == heads) running <= 1'b0;
        end else step <= step + 8'd1;
      end
    end
  end

  // Two words | two products a lane | sum, rounded and limited.
  logic valid1, valid2, upper1;
  logic [7:0] step1;
  logic [15:0] segment1, segment2;
  logic signed [48:0] product_x[0:SEGMENT-1];
  logic signed [48:0] product_y[0:SEGMENT-1];
  assign busy = running | valid1 | valid2 | out_valid;
  always_ff @(posedge clk) begin
    valid1 <= running & ~reset;
    valid2 <= valid1 & ~reset;
    out_valid <= valid2 & ~reset;
    if (running) begin
      upper1 <= upper;
      step1 <= step;
      segment1 <= upper ? segment_b : segment_a;
    end
    if (valid1) segment2 <= segment1;
    if (valid2) out_segment <= segment2;
  end
  `BURIN_SCALE(limit, 51)
  for (genvar l = 0; l < SEGMENT; l++) begin : lane
    localparam int X = SEGMENTS == 1 ? l % PAIRS : l;
    localparam int Y = SEGMENTS == 1 ? l % PAIRS + PAIRS : l;
    logic signed [31:0] x, y;
    assign x = word_a[X*32+:32];
    if (SEGMENTS == 1) assign y = word_a[Y*32+:32];
    else assign y = word_b[Y*32+:32];
    logic is_upper, is_upper2;
    assign is_upper = SEGMENTS == 1 ? l >= PAIRS : upper1;
    logic [PAIR_BITS-1:0] entry;
    assign entry = PAIR_BITS'(32'(step1) * LANE_PAIRS + X % LANE_PAIRS);
    logic signed [15:0] factor_x, factor_y;
    assign factor_x = is_upper ? sine[entry] : cosine[entry];
    assign factor_y = is_upper ? cosine[entry] : sine[entry];
    always_ff @(posedge clk) begin
      if (valid1) begin
        product_x[l] <= 49'(x) * 49'(factor_x);
        product_y[l] <= 49'(y) * 49'(factor_y);
        is_upper2 <= is_upper;
      end
      if (valid2) begin
        out_word[l*32+:32] <= limit(is_upper2 ? 51'(product_x[l]) + 51'(product_y[l]) : 51'(product_x[l]) - 51'(product_y[l]),
                                    -12'sd14);
      end
    end
  end
endmodule

`default_nettype wire
