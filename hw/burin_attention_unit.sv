// Attention with what belongs to it: the quantizer of heads (contract 2, a block a head), the KV memory, the engine.
// Queries go to the engine, keys and values to the KV memory: layer by layer, in it the KV heads that no other engine
// serves, in them the positions; POSITIONS_AT_ONCE positions and several KV heads lie in banks side by side.
//
// In: segments of heads, SEGMENT values each, all of a head one behind the other. head_write: a head is in its place, in
// the cycle behind its last segment. Out: segments of the attention's output, head by head.
`default_nettype none

module burin_attention_unit #(
    parameter int HEADS = 4,
    parameter int KV_HEADS = 2,
    parameter int HEAD_DIM = 32,
    parameter int SEGMENT = 16,
    parameter int CONTEXT = 64,
    parameter int LAYERS = 1,
    parameter int HEADS_AT_ONCE = 1,
    parameter int POSITIONS_AT_ONCE = 1
) (
    input wire logic clk,
    input wire logic reset,
    input wire logic step_start,
    input wire logic attend,      // the step is ATTEND
    input wire logic [1:0] kind,  // of the heads: 0 q, 1 k, 2 v
    input wire logic [9:0] layer,
    input wire logic [31:0] position,
    input wire logic in_valid,
    input wire logic [SEGMENT*32-1:0] in_word,
    output logic head_write,
    output logic [15:0] head_index,
    output logic attend_valid,
    output logic [SEGMENT*32-1:0] attend_word
);
  localparam int SEGMENTS = HEAD_DIM / SEGMENT;  // of a head
  localparam int SHARE = HEADS / KV_HEADS;       // query heads of a KV head
  localparam int KV_AT_ONCE = HEADS_AT_ONCE > SHARE ? HEADS_AT_ONCE / SHARE : 1;
  localparam int KV_BANKS = KV_AT_ONCE * POSITIONS_AT_ONCE;
  localparam int KV_ROWS = (CONTEXT + POSITIONS_AT_ONCE - 1) / POSITIONS_AT_ONCE;  // of a head in a bank
  localparam int KV_GROUPS = KV_HEADS / KV_AT_ONCE;
  localparam int KV_DEPTH = LAYERS * KV_GROUPS * KV_ROWS;
  localparam int KV_BITS = KV_DEPTH > 1 ? $clog2(KV_DEPTH) : 1;
  localparam int HEAD_BITS = HEADS > 1 ? $clog2(HEADS) : 1;

  // ---- heads to int8
  logic head_valid, head_last;
  logic [SEGMENT*8-1:0] head_segment;
  logic [HEAD_DIM*8-1:0] head_word;
  logic signed [7:0] head_exponent, head_exponent_now;
  logic [15:0] head_next;
  /* verilator lint_off PINCONNECTEMPTY */
  burin_block_quantizer #(.LANES(SEGMENT), .WIDTH(32), .MAX_WORDS(SEGMENTS)) head_quantizer (
      .clk, .reset, .block_words(8'(SEGMENTS)), .fraction(8'sd16), .in_valid, .in_word, .out_valid(head_valid),
      .out_first(), .out_last(head_last), .out_word(head_segment), .out_exponent(head_exponent_now));
  /* verilator lint_on PINCONNECTEMPTY */
  always_ff @(posedge clk) begin
    head_write <= head_valid & head_last & ~reset;
    if (step_start) head_next <= 16'd0;
    if (head_valid) begin
      if (SEGMENTS == 1) head_word <= (HEAD_DIM * 8)'(head_segment);
      else head_word <= (HEAD_DIM * 8)'({head_segment, head_word} >> (SEGMENT * 8));
      head_exponent <= head_exponent_now;
      head_index <= head_next;
      if (head_last) head_next <= head_next + 16'd1;
    end
  end

  // ---- KV memory
  logic [KV_BITS-1:0] layer_base, kv_write_address;
  logic [31:0] kv_write_bank;
  assign layer_base = KV_BITS'(32'(layer) * KV_GROUPS * KV_ROWS);
  assign kv_write_address =
      KV_BITS'(32'(layer_base) + 32'(head_index) / KV_AT_ONCE * KV_ROWS + position / POSITIONS_AT_ONCE);
  assign kv_write_bank = 32'(head_index) % KV_AT_ONCE * POSITIONS_AT_ONCE + position % POSITIONS_AT_ONCE;

  logic read_key, read_exponent, read_value;
  logic [KV_BITS-1:0] key_address, exponent_address, value_address;
  logic [KV_BANKS*HEAD_DIM*8-1:0] key_words, value_words;
  logic [KV_BANKS*8-1:0] key_exponents, value_exponents_a, value_exponents_b;
  logic [KV_BANKS-1:0] write_key, write_value;
  for (genvar b = 0; b < KV_BANKS; b++) begin : kv_bank
    assign write_key[b] = head_write && kind == 2'd1 && kv_write_bank == b;
    assign write_value[b] = head_write && kind == 2'd2 && kv_write_bank == b;
  end
  burin_kv_memory #(.HEAD_DIM(HEAD_DIM), .BANKS(KV_BANKS), .DEPTH(KV_DEPTH)) kv_memory (
      .clk, .write_key, .write_value, .write_address(kv_write_address), .write_word(head_word),
      .write_exponent(head_exponent), .read_key, .key_address, .key_words, .key_exponents, .value_exponents_a,
      .read_exponent, .exponent_address, .value_exponents_b, .read_value, .value_address, .value_words);

  // ---- engine
  /* verilator lint_off UNUSEDSIGNAL */
  logic attend_busy;
  /* verilator lint_on UNUSEDSIGNAL */
  burin_attention #(
      .HEADS(HEADS), .KV_HEADS(KV_HEADS), .HEAD_DIM(HEAD_DIM), .SEGMENT(SEGMENT), .CONTEXT(CONTEXT),
      .HEADS_AT_ONCE(HEADS_AT_ONCE), .POSITIONS_AT_ONCE(POSITIONS_AT_ONCE), .KV_DEPTH(KV_DEPTH)
  ) attention (
      .clk, .reset, .query_write(head_write && kind == 2'd0), .query_head(HEAD_BITS'(head_index)),
      .query_word(head_word), .query_exponent(head_exponent), .start(step_start && attend), .position,
      .base(layer_base), .read_key, .key_address, .key_words, .key_exponents, .value_exponents_a,
      .read_exponent, .exponent_address, .value_exponents_b, .read_value, .value_address, .value_words,
      .out_valid(attend_valid), .out_word(attend_word), .busy(attend_busy));
endmodule

`default_nettype wire
