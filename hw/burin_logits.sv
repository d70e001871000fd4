// A word of logits at a time to top-k, HEAD_LANES a cycle. The next word may come LANES / HEAD_LANES cycles later.
// `ended`: the cycle of the last logit.
`default_nettype none

module burin_logits #(
    parameter int LANES = 16,
    parameter int TOP_K = 8,
    parameter int HEAD_LANES = 1  // divides LANES
) (
    input wire logic clk,
    input wire logic reset,
    input wire logic step_start,
    input wire logic active,         // the step is COLLECT_LOGITS
    input wire logic [15:0] values,  // logits
    input wire logic word_valid,
    input wire logic [LANES*32-1:0] word,
    output logic ended,
    output logic [TOP_K*32-1:0] top_ids,
    output logic [TOP_K*32-1:0] top_logits
);
  localparam int PARTS = LANES / HEAD_LANES;
  logic [LANES*32-1:0] logits;
  logic [15:0] part;
  logic valid;
  logic [31:0] id;
  logic [HEAD_LANES-1:0] mask;
  always_comb begin
    for (int l = 0; l < HEAD_LANES; l++) mask[l] = id + 32'(l) < 32'(values);
  end
  assign ended = valid && id + 32'(HEAD_LANES) >= 32'(values);
  always_ff @(posedge clk) begin
    if (reset) valid <= 1'b0;
    else if (step_start) begin
      valid <= 1'b0;
      id <= 32'd0;
    end else if (active) begin
      if (valid) begin
        id <= id + 32'(HEAD_LANES);
        logits <= logits >> (HEAD_LANES * 32);
        part <= part + 16'd1;
        if (part == 16'(PARTS - 1) || ended) valid <= 1'b0;
      end
      if (word_valid) begin
        logits <= word;
        part <= 16'd0;
        valid <= 1'b1;
      end
    end
  end
  burin_top_k #(.TOP_K(TOP_K), .HEAD_LANES(HEAD_LANES)) top_k (
      .clk, .clear(reset | (step_start & active)), .in_valid(valid), .in_id(id), .in_mask(mask),
      .in_logits(logits[HEAD_LANES*32-1:0]), .top_ids, .top_logits);
endmodule

`default_nettype wire
