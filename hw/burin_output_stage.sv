// Output stage (contract 4.3, 8.2, 11.3): raw sums -> fixed point or residual stream, adapter, bias; W lanes.
//
//   raw_valid in cycle t; residual word in t + 1; adapter word in t + 2; bias word in t + 3; out_valid in t + 4. A word a
//   cycle. `scaled`, the fixed-point value alone, is there in t + 1 (logits).
`default_nettype none
`include "burin_fixed.svh"

module burin_output_stage #(
    parameter int LANES = 16
) (
    input wire logic clk,
    input wire logic reset,
    input wire logic raw_valid,
    input wire logic [LANES*32-1:0] raw,
    input wire logic signed [11:0] exponent,  // of ScaleToInt32: E + T + D + fraction
    input wire logic add_residual,
    input wire logic add_adapter,
    input wire logic add_bias,
    output logic scaled_valid,
    output logic [LANES*32-1:0] scaled,
    input wire logic [LANES*32-1:0] residual_word,
    output logic adapter_take,                // cycle t + 2
    input wire logic [LANES*32-1:0] adapter_word,
    output logic bias_read,                   // cycle t + 2
    input wire logic [LANES*32-1:0] bias_word,
    output logic out_valid,
    output logic [LANES*32-1:0] out_word
);
  `BURIN_SCALE(scale, 32)
  `BURIN_SATURATING_ADD(add)
  logic [4:1] valid;
  logic [LANES*32-1:0] joined, adapted;
  assign scaled_valid = valid[1];
  assign adapter_take = add_adapter & valid[2];
  assign bias_read = add_bias & valid[2];
  assign out_valid = valid[4];
  always_ff @(posedge clk) begin
    valid <= reset ? 4'd0 : {valid[3:1], raw_valid};
    if (raw_valid) for (int l = 0; l < LANES; l++) scaled[l*32+:32] <= scale(raw[l*32+:32], exponent);
    if (valid[1]) begin
      for (int l = 0; l < LANES; l++) begin
        joined[l*32+:32] <= add_residual ? add(residual_word[l*32+:32], scaled[l*32+:32]) : scaled[l*32+:32];
      end
    end
    if (valid[2]) begin
      for (int l = 0; l < LANES; l++) begin
        adapted[l*32+:32] <= add_adapter ? add(joined[l*32+:32], adapter_word[l*32+:32]) : joined[l*32+:32];
      end
    end
    if (valid[3]) begin
      for (int l = 0; l < LANES; l++) begin
        out_word[l*32+:32] <= add_bias ? add(adapted[l*32+:32], bias_word[l*32+:32]) : adapted[l*32+:32];
      end
    end
  end
endmodule

`default_nettype wire
