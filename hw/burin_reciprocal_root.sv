// 1 / sqrt(x) by a table and one Newton step (contract 5): mantissa * 2^-23 * 2^exponent. Pipelined, a number a cycle;
// in_valid in cycle t -> out_valid in t + 6.
//   length | m = x * 2^q in [2^30, 2^32) | table, y0 | y0^2 | t = y0^2 * (m >> 8) >> 24 | y = y0 * (3 * 2^30 - t) >> 23
`default_nettype none
`include "burin_fixed.svh"

module burin_reciprocal_root (
    input wire logic clk,
    input wire logic reset,
    input wire logic in_valid,
    input wire logic [63:0] x,  // >= 1
    output logic out_valid,
    output logic [24:0] mantissa,         // [2^23 - 16, 2^24]
    output logic signed [6:0] exponent    // q / 2 - 16, -32 .. -1
);
  `BURIN_BIT_LENGTH(bit_length, 64)

  logic [5:1] valid;
  logic [63:0] x1;
  logic signed [7:0] q1, q2, q3, q4, q5;
  logic [31:8] m2;
  logic [31:0] square4;
  logic [23:0] m3, m4;
  logic [15:0] y3, y4, y5;
  logic [32:0] t5;
  logic signed [7:0] q0;
  logic [31:8] normal;

  assign q0 = 8'sd32 - $signed({1'b0, bit_length(x)});
  always_comb begin
    normal = 24'd0;
    if (valid[1]) normal = q1 >= 0 ? 24'((x1 << q1[5:0]) >> 8) : 24'((x1 >> (6'd0 - q1[5:0])) >> 8);
  end

  burin_table_rsqrt table_rsqrt (.clk, .enable(valid[2]), .index(m2[31:24] - 8'd64), .entry(y3));

  always_ff @(posedge clk) begin
    valid <= reset ? 5'd0 : {valid[4:1], in_valid};
    out_valid <= valid[5] & ~reset;
    if (in_valid) begin
      x1 <= x;
      q1 <= q0 & ~8'sd1;
    end
    if (valid[1]) begin
      m2 <= normal;
      q2 <= q1;
    end
    if (valid[2]) begin
      m3 <= m2;
      q3 <= q2;
    end
    if (valid[3]) begin
      square4 <= 32'(y3) * 32'(y3);
      m4 <= m3;
      y4 <= y3;
      q4 <= q3;
    end
    if (valid[4]) begin
      t5 <= 33'((56'(square4) * 56'(m4)) >> 24);
      y5 <= y4;
      q5 <= q4;
    end
    if (valid[5]) begin
      mantissa <= 25'((48'(y5) * (48'h0c0000000 - 48'(t5))) >> 23);
      exponent <= 7'((q5 >>> 1) - 8'sd16);
    end
  end
endmodule

`default_nettype wire
