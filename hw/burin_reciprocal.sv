// 1 / x by a table and one Newton step (contract 5): mantissa * 2^-23 * 2^-length. Pipelined, a number a cycle; in_valid
// in cycle t -> out_valid in t + 5.
//   length | m in [2^31, 2^32) | table, y0 | t = y0 * (m >> 8) >> 9 | y = y0 * (2 * 2^30 - t) >> 22
`default_nettype none
`include "burin_fixed.svh"

module burin_reciprocal (
    input wire logic clk,
    input wire logic reset,
    input wire logic in_valid,
    input wire logic [63:0] x,  // >= 1
    output logic out_valid,
    output logic [24:0] mantissa,  // [2^23 - 32, 2^24]
    output logic [6:0] length      // the exponent is -length
);
  `BURIN_BIT_LENGTH(bit_length, 64)

  logic [4:1] valid;
  logic [63:0] x1;
  logic [6:0] length1, length2, length3, length4;
  logic [31:8] m2;
  logic [31:8] normal;
  logic [23:0] m3;
  logic [15:0] y3, y4;
  logic [31:0] t4;

  always_comb begin
    normal = 24'd0;
    if (valid[1]) begin
      normal = length1 <= 7'd32 ? 24'((x1 << (7'd32 - length1)) >> 8) : 24'((x1 >> (length1 - 7'd32)) >> 8);
    end
  end

  burin_table_reciprocal table_reciprocal (.clk, .enable(valid[2]), .index(m2[30:24]), .entry(y3));

  always_ff @(posedge clk) begin
    valid <= reset ? 4'd0 : {valid[3:1], in_valid};
    out_valid <= valid[4] & ~reset;
    if (in_valid) begin
      x1 <= x;
      length1 <= bit_length(x);
    end
    if (valid[1]) begin
      m2 <= normal;
      length2 <= length1;
    end
    if (valid[2]) begin
      m3 <= m2;
      length3 <= length2;
    end
    if (valid[3]) begin
      t4 <= 32'((40'(y3) * 40'(m3)) >> 9);
      y4 <= y3;
      length4 <= length3;
    end
    if (valid[4]) begin
      mantissa <= 25'((48'(y4) * (48'h80000000 - 48'(t4))) >> 22);
      length <= length4;
    end
  end
endmodule

`default_nettype wire
