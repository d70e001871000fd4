// SwiGLU (contract 8.1): silu(gate) * up, fraction 32, W lanes a cycle; in_valid in cycle t -> out_valid in t + 6.
//   |gate|, table index | entries | sigmoid | gate * sigmoid | silu | silu * up
`default_nettype none

module burin_swiglu #(
    parameter int LANES = 16
) (
    input wire logic clk,
    input wire logic reset,
    input wire logic in_valid,
    input wire logic [LANES*32-1:0] gate,
    input wire logic [LANES*32-1:0] up,
    output logic out_valid,
    output logic [LANES*64-1:0] out_word
);
  logic [5:1] valid;
  logic [LANES*32-1:0] up1, up2, up3, up4, up5;
  always_ff @(posedge clk) begin
    valid <= reset ? 5'd0 : {valid[4:1], in_valid};
    out_valid <= valid[5] & ~reset;
    if (in_valid) up1 <= up;
    if (valid[1]) up2 <= up1;
    if (valid[2]) up3 <= up2;
    if (valid[3]) up4 <= up3;
    if (valid[4]) up5 <= up4;
  end
  for (genvar l = 0; l < LANES; l++) begin : lane
    logic signed [31:0] gate1, gate2, gate3, silu5;
    logic signed [49:0] product4;
    logic [31:0] magnitude1;
    logic [10:0] rest2;
    logic over2;
    logic [16:0] entry2, next2, sigmoid3, value2;
    logic signed [17:0] slope2;
    burin_table_sigmoid table_sigmoid (
        .clk, .enable(valid[1]), .index(magnitude1[19:11]), .entry(entry2), .next(next2));
    assign slope2 = $signed({1'b0, next2}) - $signed({1'b0, entry2});
    always_comb begin
      value2 = 17'd65536;
      if (valid[2] && !over2) begin
        value2 = 17'(32'(entry2) + ((32'(slope2) * $signed({21'd0, rest2}) + 32'sd1024) >>> 11));
      end
    end
    always_ff @(posedge clk) begin
      if (in_valid) begin
        gate1 <= gate[l*32+:32];
        magnitude1 <= gate[l*32+31] ? ~gate[l*32+:32] + 32'd1 : gate[l*32+:32];
      end
      if (valid[1]) begin
        gate2 <= gate1;
        rest2 <= magnitude1[10:0];
        over2 <= |magnitude1[31:20];
      end
      if (valid[2]) begin
        gate3 <= gate2;
        sigmoid3 <= gate2[31] ? 17'd65536 - value2 : value2;
      end
      if (valid[3]) product4 <= 50'(gate3) * $signed({33'd0, sigmoid3});
      if (valid[4]) silu5 <= 32'((product4 + 50'sd32768) >>> 16);
      if (valid[5]) out_word[l*64+:64] <= 64'(silu5) * 64'($signed(up5[l*32+:32]));
    end
  end
endmodule

`default_nettype wire
