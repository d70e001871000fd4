// The K largest logits, of equals the lowest id first (contract 10). HEAD_LANES candidates a cycle, in order of id; each
// falls through the sorted list. `clear` empties it.
`default_nettype none

module burin_top_k #(
    parameter int TOP_K = 8,
    parameter int HEAD_LANES = 1
) (
    input wire logic clk,
    input wire logic clear,
    input wire logic in_valid,
    input wire logic [31:0] in_id,                  // of lane 0; the others follow
    input wire logic [HEAD_LANES-1:0] in_mask,
    input wire logic [HEAD_LANES*32-1:0] in_logits,
    output logic [TOP_K*32-1:0] top_ids,            // rank 0 in the low bits; all ones: no such rank
    output logic [TOP_K*32-1:0] top_logits
);
  /* verilator lint_off BLKSEQ */
  logic [TOP_K-1:0] used;
  logic [31:0] id[0:TOP_K-1];
  logic signed [31:0] logit[0:TOP_K-1];
  logic carry_used, swap_used, moved;
  logic [31:0] carry_id, swap_id;
  logic signed [31:0] carry_logit, swap_logit;

  always_ff @(posedge clk) begin
    if (clear) begin
      for (int k = 0; k < TOP_K; k++) begin
        used[k] = 1'b0;
        id[k] = 32'hffffffff;
        logit[k] = 32'sh80000000;
      end
    end else if (in_valid) begin
      for (int lane = 0; lane < HEAD_LANES; lane++) begin
        carry_used = in_mask[lane];
        moved = 1'b0;  // behind the new one all move down
        carry_id = in_id + 32'(lane);
        carry_logit = in_logits[lane*32+:32];
        for (int k = 0; k < TOP_K; k++) begin
          if (carry_used && (moved || !used[k] || carry_logit > logit[k])) begin
            moved = 1'b1;
            swap_used = used[k];
            swap_id = id[k];
            swap_logit = logit[k];
            used[k] = 1'b1;
            id[k] = carry_id;
            logit[k] = carry_logit;
            carry_used = swap_used;
            carry_id = swap_id;
            carry_logit = swap_logit;
          end
        end
      end
    end
    if (clear | in_valid) begin
      for (int k = 0; k < TOP_K; k++) begin
        top_ids[k*32+:32] <= id[k];
        top_logits[k*32+:32] <= logit[k];
      end
    end
  end
  /* verilator lint_on BLKSEQ */
endmodule

`default_nettype wire
