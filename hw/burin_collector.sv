// Collects the sums of a matrix: strobes to the banks, and the output stage behind the trees. Freely a word a cycle; with
// an adapter a word when its addition is there; logits at the pace of top-k, LOGIT_PAUSE cycles between two words.
`default_nettype none

module burin_collector #(
    parameter int LANES = 16,
    parameter int LOGIT_PAUSE = 15
) (
    input wire logic clk,
    input wire logic reset,
    input wire logic step_start,
    // which step runs: one of these, or none
    input wire logic matrix,   // COLLECT, COLLECT_ADD
    input wire logic logits,   // COLLECT_LOGITS
    input wire logic adapter,  // the token has one
    input wire logic [15:0] words,
    input wire logic [11:0] block_words,  // of a column block
    // fabric
    output logic collect,
    output logic [15:0] collect_block,
    output logic [15:0] collect_word,
    input wire logic raw_valid,
    input wire logic [LANES*32-1:0] raw,
    // what joins the sums (burin_output_stage.sv)
    input wire logic signed [11:0] exponent,
    input wire logic add_residual,
    input wire logic [LANES*32-1:0] residual_word,
    input wire logic add_bias,
    output logic bias_read,
    output logic [15:0] bias_index,
    input wire logic [LANES*32-1:0] bias_word,
    input wire logic adapter_absent,  // the matrix has none
    input wire logic adapter_valid,
    input wire logic [LANES*32-1:0] adapter_word,
    // out
    output logic [15:0] returned,  // raw words so far
    output logic scaled_valid,     // logits
    output logic [LANES*32-1:0] scaled,
    output logic output_valid,     // vector memory
    output logic [15:0] output_index,
    output logic [LANES*32-1:0] output_word
);
  typedef enum logic [1:0] {STOPPED, FREE, PACED, DECIDING} pace_t;
  pace_t pace;
  logic collect_next, adapt_now;
  logic [15:0] left, pause;
  assign collect_next =
      left != 16'd0 && (pace == FREE || (pace == PACED && pause == 16'd0) || (adapt_now && adapter_valid));
  always_ff @(posedge clk) begin
    collect <= collect_next & ~reset;
    if (reset) begin
      pace <= STOPPED;
      adapt_now <= 1'b0;
      left <= 16'd0;
    end else if (step_start) begin
      left <= matrix | logits ? words : 16'd0;
      pause <= 16'd0;
      adapt_now <= matrix & adapter;
      pace <= logits ? PACED : matrix && !adapter ? FREE : matrix ? DECIDING : STOPPED;
    end else begin
      if (pace == DECIDING && adapter_absent) begin
        pace <= FREE;
        adapt_now <= 1'b0;
      end
      if (pause != 16'd0) pause <= pause - 16'd1;
      if (collect_next) begin
        left <= left - 16'd1;
        pause <= 16'(LOGIT_PAUSE);
      end
    end
    // Place of the word: column block, word in it.
    if (step_start) begin
      collect_block <= 16'd0;
      collect_word <= 16'd0;
    end else if (collect) begin
      collect_word <= collect_word + 16'd1;
      if (collect_word + 16'd1 == 16'(block_words)) begin
        collect_word <= 16'd0;
        collect_block <= collect_block + 16'd1;
      end
    end
  end

  // Additions of the adapter wait for their word: at most as many as words are on their way through tree and stage.
  logic [LANES*32-1:0] waiting[0:15];
  logic [3:0] waiting_in, waiting_out;
  logic adapter_take;
  always_ff @(posedge clk) begin
    if (step_start) begin
      waiting_in <= 4'd0;
      waiting_out <= 4'd0;
    end else begin
      if (adapter_valid) begin
        waiting[waiting_in] <= adapter_word;
        waiting_in <= waiting_in + 4'd1;
      end
      if (adapter_take) waiting_out <= waiting_out + 4'd1;
    end
  end

  burin_output_stage #(.LANES(LANES)) output_stage (
      .clk, .reset, .raw_valid, .raw, .exponent, .add_residual, .add_adapter(adapt_now), .add_bias, .scaled_valid, .scaled,
      .residual_word, .adapter_take, .adapter_word(waiting[waiting_out]), .bias_read, .bias_word,
      .out_valid(output_valid), .out_word(output_word));
  always_ff @(posedge clk) begin
    if (step_start) begin
      returned <= 16'd0;
      bias_index <= 16'd0;
      output_index <= 16'd0;
    end else begin
      if (raw_valid) returned <= returned + 16'd1;
      if (bias_read) bias_index <= bias_index + 16'd1;
      if (output_valid) output_index <= output_index + 16'd1;
    end
  end
endmodule

`default_nettype wire
